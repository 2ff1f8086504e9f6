class GreetingsController < ApplicationController
  def create
    user = User.find(params[:user_id])
    GreetJob.perform_later(user.id)
    redirect_to user, status: :see_other
  end
end
