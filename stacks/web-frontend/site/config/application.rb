require "rails"
require "active_model/railtie"
require "active_record/railtie"
require "active_job/railtie"
require "action_controller/railtie"
require "action_view/railtie"
require "sprockets/railtie"
require "sassc-rails"
require "sidekiq"

class Web < Rails::Application
  config.root = File.expand_path("..", __dir__)
  config.load_defaults 6.1
  config.eager_load = true
  config.cache_classes = true
  config.consider_all_requests_local = false
  # The root of the file system may be read-only: nothing is written but to the log, which is the container's.
  config.logger = ActiveSupport::Logger.new($stdout)
  config.log_level = :info
  config.cache_store = :null_store
  config.active_record.dump_schema_after_migration = false
  config.active_job.queue_adapter = :sidekiq
  config.assets.compile = ENV["SECRET_KEY_BASE"] == "build"
  config.assets.css_compressor = :sass
  config.public_file_server.enabled = true
  config.public_file_server.headers = { "Cache-Control" => "public, max-age=31536000, immutable" }
end

Sidekiq.configure_client { |sidekiq| sidekiq.redis = { url: ENV["QUEUE_URL"], size: 2 } }
Sidekiq.configure_server { |sidekiq| sidekiq.redis = { url: ENV["QUEUE_URL"] } }
