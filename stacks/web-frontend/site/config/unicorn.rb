listen "0.0.0.0:#{ENV.fetch('PORT', 3000)}"
worker_processes 2
preload_app true
timeout 30

before_fork { |_server, _worker| ActiveRecord::Base.connection_pool.disconnect! }
after_fork do |_server, worker|
  ActiveRecord::Base.establish_connection
  # So that one worker can be told from the others, and from their master, by its name.
  File.write("/proc/self/comm", "web-worker-#{worker.nr}")
end
