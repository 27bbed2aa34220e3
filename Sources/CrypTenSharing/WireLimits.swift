/// How much the body of a request or an answer may hold: checked before anything is allocated for it.
package struct WireLimits: Hashable, Sendable {
    /// Bytes of JSON, words in it included.
    package var mostJSONBytes = 64 << 20
    /// Inputs or outputs.
    package var mostTensors = 64
    /// Axes of each of them.
    package var mostAxes = 8
    /// Bytes of a name, in UTF-8.
    package var mostNameBytes = 256
    /// Rows: the first axis of each of them.
    package var mostRows = 1 << 20
    /// Words of all of them together.
    package var mostWords = 1 << 27

    package init() {}
}
