require_relative "config/environment"

# Unicorn's workers share one master, which loads this once.
ActiveRecord::MigrationContext.new("db/migrate", ActiveRecord::SchemaMigration).migrate
run Rails.application
