# The table is the user database's own.
class User < ActiveRecord::Base
  validates :name, presence: true, length: { maximum: 100 }
  validates :email, format: { with: /@/, message: "has no @" }, allow_blank: true
end
