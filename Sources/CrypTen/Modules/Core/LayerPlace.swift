/// Where in the user's code a layer was made: the place that its errors name.
struct LayerPlace: Sendable {
    let file: StaticString
    let line: UInt

    init(_ file: StaticString, _ line: UInt) {
        (self.file, self.line) = (file, line)
    }

    var origin: SourceOrigin {
        SourceOrigin(file: "\(file)", line: line)
    }
}
