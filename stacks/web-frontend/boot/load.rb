# Loaded first, by RUBYOPT: what a program requires is taken from where it was found when the image was built, as it was
# compiled then. Without this Rails looks for each of 1,500 files in fifty folders, a hundred thousand questions to the file
# system, and compiles it, at each start.
if File.exist?("#{__dir__}/index")
  folders, places, compiled = Marshal.load(File.binread("#{__dir__}/index"))
  $LOAD_PATH.concat(folders - $LOAD_PATH)
  Kernel.module_eval do
    alias_method :require_by_search, :require
    define_method(:require) { |feature| require_by_search(places.fetch(feature, feature)) }
    private :require, :require_by_search
  end

  code = File.open("#{__dir__}/compiled", "rb")
  RubyVM::InstructionSequence.define_singleton_method(:load_iseq) do |place|
    size, position = compiled[place]
    load_from_binary(code.pread(size, position)) if size
  end
end
