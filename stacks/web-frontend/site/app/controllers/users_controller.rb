class UsersController < ApplicationController
  def new
    @user = User.new
  end

  def create
    @user = User.new(params.require(:user).permit(:name, :email))
    if @user.save
      redirect_to @user, status: :see_other
    else
      render :new, status: :unprocessable_entity
    end
  rescue ActiveRecord::RecordNotUnique
    @user.errors.add(:name, "is taken")
    render :new, status: :unprocessable_entity
  end

  def show
    @user = User.find(params[:id])
    @greeting = Greeting.where(user_id: @user.id).last
  end
end
