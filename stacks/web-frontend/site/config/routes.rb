Rails.application.routes.draw do
  root "home#index"
  get "healthz", to: "home#health"
  resources :users, only: %i[new create show] do
    resources :greetings, only: %i[create]
  end
end
