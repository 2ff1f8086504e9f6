class GreetJob < ActiveJob::Base
  queue_as :greetings

  def perform(user_id)
    user = User.find(user_id)
    Greeting.create!(user_id: user.id, text: "Welcome, #{user.name}!", worker: Process.pid)
  end
end
