class CreateGreetings < ActiveRecord::Migration[6.1]
  def change
    create_table :greetings do |table|
      table.bigint :user_id, null: false
      table.text :text, null: false
      table.integer :worker, null: false
    end
  end
end
