# Loaded first, by -r: writes down where everything that a program requires was found, and that in compiled form, for load.rb.
module Recording
  PLACES = {}

  def require(feature)
    loaded = super
    name = feature.respond_to?(:to_path) ? feature.to_path : feature.to_str
    _, place = $LOAD_PATH.resolve_feature_path(name) unless name.start_with?("/")
    PLACES[name] = place if place&.start_with?("/") && $LOADED_FEATURES.include?(place)
    loaded
  end
end
Object.prepend(Recording)

at_exit do
  compiled = {}
  File.open("#{__dir__}/compiled", "wb") do |file|
    $LOADED_FEATURES.select { |place| place.end_with?(".rb") && File.file?(place) }.each do |place|
      code = RubyVM::InstructionSequence.compile_file(place).to_binary
      compiled[place] = [code.bytesize, file.pos]
      file.write(code)
    end
  end
  folders = $LOAD_PATH.map(&:to_s).select { |folder| File.directory?(folder) }
  File.binwrite("#{__dir__}/index", Marshal.dump([folders, Recording::PLACES, compiled]))
end
