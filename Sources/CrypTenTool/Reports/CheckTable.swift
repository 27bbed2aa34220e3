import CrypTen

/// A checked inference as JSON, and as a table.
struct CheckTable: Encodable, Sendable {
    struct Layer: Encodable, Sendable {
        var name: String
        var largestMagnitude: Double
        var largestError: Double
        /// Null where no gate takes a value of the layer for what it says, or all are zero.
        var headRoomBits: Double?
    }

    var layers: [Layer]
    var outputs: [OutputReport]
    /// The sentence about the value that left its range.
    var outOfRange: String?

    init(_ check: CheckReport, outputs: [OutputReport]) {
        layers = check.layers.map { layer in
            Layer(
                name: layer.name,
                largestMagnitude: layer.largestMagnitude,
                largestError: layer.largestError,
                headRoomBits: layer.headRoomBits.flatMap { $0.isFinite ? $0 : nil }
            )
        }
        self.outputs = outputs
        outOfRange = check.violation?.message
    }

    var text: String {
        var table = TextTable(["layer", "largest value", "largest error", "bits of head room"])
        for layer in layers {
            table.add([
                layer.name, layer.largestMagnitude.significant(6), layer.largestError.significant(2),
                layer.headRoomBits?.fixed(1) ?? "–",
            ])
        }
        let files = outputs.map { ("output \($0.name)", "\($0.shape) in \($0.file ?? "no file")") }
        return table.text + (files.isEmpty ? "" : "\n\n" + TextTable.list(files))
    }
}
