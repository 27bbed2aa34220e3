import CrypTen

/// A checked inference as JSON, and as a table.
struct CheckTable: Encodable, Sendable {
    struct Layer: Encodable, Sendable {
        var name: String
        var largestMagnitude: Double
        var largestError: Double
        /// Null where no gate takes a value of the layer for what it says, or all are zero.
        var headRoomBits: Double?
        /// Whether a value of it is further from the true one than wanted.
        var isImprecise: Bool
    }

    struct Finding: Encodable, Sendable {
        var kind: String
        var layer: String?
        var operation: String
        var count: Int
        var index: [Int]
        var value: Double?
        var expected: Double?
        var limit: Double?
        var message: String

        init(_ finding: CheckReport.Finding) {
            kind = finding.kind.rawValue
            layer = finding.layer
            operation = finding.operation
            count = finding.count
            index = finding.index
            value = finding.value.flatMap { $0.isFinite ? $0 : nil }
            expected = finding.expected.flatMap { $0.isFinite ? $0 : nil }
            limit = finding.limit.flatMap { $0.isFinite ? $0 : nil }
            message = finding.message
        }
    }

    /// How far an output is from its true value.
    struct OutputError: Encodable, Sendable {
        var name: String
        /// Null for what is public.
        var largestError: Double?
        /// The error as a part of the largest true number.
        var part: Double?
    }

    var layers: [Layer]
    var outputs: [OutputReport]
    var outputErrors: [OutputError]
    /// What is wrong.
    var violations: [Finding]
    /// Outputs that are further from the true ones than wanted.
    var imprecisions: [Finding]
    var wantedError: Double
    /// The sentence about the first thing that is wrong.
    var outOfRange: String?

    /// What the encoding takes from weights and inputs; nil where nothing is worth a word.
    var losses: [EncodingLoss]?

    init(_ check: CheckReport, outputs: [OutputReport], losses: [EncodingLoss], wantedError: Double) {
        layers = check.layers.map { layer in
            Layer(
                name: layer.name,
                largestMagnitude: layer.largestMagnitude.isFinite ? layer.largestMagnitude : .greatestFiniteMagnitude,
                largestError: layer.largestError.isFinite ? layer.largestError : .greatestFiniteMagnitude,
                headRoomBits: layer.headRoomBits.flatMap { $0.isFinite ? $0 : nil },
                isImprecise: layer.isImprecise
            )
        }
        self.outputs = outputs
        self.losses = losses.listed
        outputErrors = zip(outputs, check.outputErrors).map { output, error in
            OutputError(
                name: output.name,
                largestError: error.flatMap { $0.largestError.isFinite ? $0.largestError : nil },
                part: error.flatMap { $0.part.isFinite ? $0.part : nil }
            )
        }
        self.wantedError = wantedError
        violations = check.violations.map(Finding.init)
        imprecisions = check.imprecisions.map(Finding.init)
        outOfRange = check.violation?.message
    }

    /// The sentences that end a check with 1.
    var sentences: [String] {
        (violations + imprecisions).map(\.message)
    }

    var text: String {
        let isMarked = layers.contains(where: \.isImprecise)
        var table = TextTable(
            ["layer", "largest value", "largest error", "bits of head room"] + (isMarked ? ["as exact as wanted"] : [])
        )
        for layer in layers {
            table.add(
                [
                    layer.name.shortened(to: CheckReport.widestName), layer.largestMagnitude.significant(6),
                    layer.largestError.significant(2), layer.headRoomBits?.fixed(1) ?? "–",
                ] + (isMarked ? [layer.isImprecise ? "no" : ""] : [])
            )
        }
        let files = outputs.map { output in
            (
                "output \(output.name.shortened(to: CheckReport.widestName))",
                "\(output.shape) in \(output.file ?? "no file")"
            )
        }
        let errors = outputErrors.compactMap { output in
            output.largestError.map { error in
                (
                    "error of \(output.name.shortened(to: CheckReport.widestName))",
                    "up to \(error.significant(2))"
                        + (output.part.map { ", \($0.significant(2)) of the largest number" } ?? "")
                )
            }
        }
        return table.text + (files.isEmpty ? "" : "\n\n" + TextTable.list(errors + files))
    }
}
