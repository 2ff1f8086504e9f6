class ApplicationController < ActionController::Base
  protect_from_forgery with: :exception
  after_action { response.set_header("X-Worker", Process.pid.to_s) }

  rescue_from ActionController::InvalidAuthenticityToken do
    render plain: "The form was not sent from here, or it is too old. Load it again.", status: :unprocessable_entity
  end
  rescue_from ActiveRecord::RecordNotFound do
    render plain: "There is nobody here.", status: :not_found
  end
end
