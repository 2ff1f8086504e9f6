class HomeController < ApplicationController
  def index; end

  def health
    ActiveRecord::Base.connection.execute("SELECT 1")
    Sidekiq.redis(&:ping)
    render plain: "ok"
  end
end
