import CrypTenBase
package import Foundation

/// What a party tells of a model: all parties the same, but for who they are.
package struct ModelMetadata: Hashable, Sendable, Codable {
    /// An input: what it is, and which shapes of it are taken.
    package struct Input: Hashable, Sendable, Codable {
        package struct Parameters: Hashable, Sendable, Codable {
            package var type: TensorType
            package var fractionBits: Int
            /// The least and the greatest number that is taken.
            package var range: [Double]?
            /// The shapes that are taken; −1 stands for the rows.
            package var shapes: [[Int]]?
            /// With what an input is filled up to the first shape that holds it.
            package var pad: Double?

            enum CodingKeys: String, CodingKey {
                case type = "crypten_type"
                case fractionBits = "crypten_fraction_bits"
                case range = "crypten_range"
                case shapes = "crypten_shapes"
                case pad = "crypten_pad"
            }

            package init(
                type: TensorType,
                fractionBits: Int,
                range: [Double]? = nil,
                shapes: [[Int]]? = nil,
                pad: Double? = nil
            ) {
                self.type = type
                self.fractionBits = fractionBits
                self.range = range
                self.shapes = shapes
                self.pad = pad
            }
        }

        package var name: String
        package var datatype: String
        package var shape: [Int]
        package var parameters: Parameters

        package init(name: String, shape: [Int], parameters: Parameters) {
            self.name = name
            datatype = TensorBody.datatype
            self.shape = shape
            self.parameters = parameters
        }

        /// The numbers that are taken; nil: all.
        package var range: ClosedRange<Double>? {
            parameters.range.map { $0[0]...$0[1] }
        }

        /// The shapes that are taken, one at least; those of all inputs at one place belong together.
        package var shapes: [[Int]] { parameters.shapes ?? [shape] }
    }

    /// An output: what the sum over all parties means.
    package struct Output: Hashable, Sendable, Codable {
        package struct Parameters: Hashable, Sendable, Codable {
            package var type: TensorType
            package var fractionBits: Int

            enum CodingKeys: String, CodingKey {
                case type = "crypten_type"
                case fractionBits = "crypten_fraction_bits"
            }

            package init(type: TensorType, fractionBits: Int) {
                self.type = type
                self.fractionBits = fractionBits
            }
        }

        package var name: String
        package var datatype: String
        package var shape: [Int]
        package var parameters: Parameters

        package init(name: String, shape: [Int], parameters: Parameters) {
            self.name = name
            datatype = TensorBody.datatype
            self.shape = shape
            self.parameters = parameters
        }
    }

    /// Of the cell, and of the party that says so.
    package struct Parameters: Hashable, Sendable, Codable {
        package var sharing: SharingVersion
        package var cell: String
        package var epoch: String
        package var party: Int
        package var parties: Int
        package var partyName: String
        /// The most rows of a request.
        package var rows: Int
        /// The numbers of rows that a request may have, where rows are mixed; nil: any from 1 to the most.
        package var rowCounts: [Int]?

        enum CodingKeys: String, CodingKey {
            case sharing = "crypten_sharing"
            case cell = "crypten_cell"
            case epoch = "crypten_epoch"
            case party = "crypten_party"
            case parties = "crypten_parties"
            case partyName = "crypten_party_name"
            case rows = "crypten_rows"
            case rowCounts = "crypten_row_counts"
        }

        package init(
            sharing: SharingVersion = .current,
            cell: String,
            epoch: Epoch,
            party: Int,
            parties: Int,
            partyName: String,
            rows: Int,
            rowCounts: [Int]? = nil
        ) {
            self.sharing = sharing
            self.cell = cell
            self.epoch = epoch.description
            self.party = party
            self.parties = parties
            self.partyName = partyName
            self.rows = rows
            self.rowCounts = rowCounts
        }
    }

    package var name: String
    /// First the one that this describes, and that is asked.
    package var versions: [String]
    package var platform: String
    package var inputs: [Input]
    package var outputs: [Output]
    package var parameters: Parameters

    package init(
        name: String,
        versions: [String],
        inputs: [Input],
        outputs: [Output],
        parameters: Parameters
    ) {
        self.name = name
        self.versions = versions
        platform = "crypten"
        self.inputs = inputs
        self.outputs = outputs
        self.parameters = parameters
    }

    /// The session's epoch; nil where it is written as no 32 hexadecimal digits, which what was read and checked isn't.
    package var epoch: Epoch? { Epoch(parameters.epoch) }

    /// Reads and checks metadata, whoever wrote it.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` for what is none, `.diverged` for another version of sharing.
    package init(body: Data, _ limits: WireLimits = WireLimits()) throws {
        do {
            guard body.count <= 1 << 20 else { throw DoorRefusal(.tooLarge, "\(body.count) bytes are too many") }
            self = try BodyDecoder.decode(ModelMetadata.self, from: body, limits)
        } catch let refusal as DoorRefusal {
            throw CrypTenError(.malformedFrame, "what was answered is no model's metadata: \(refusal.message)")
        }
        guard parameters.sharing == .current else {
            throw CrypTenError(
                .diverged,
                "the cell splits inputs by version \(parameters.sharing.rawValue), and version \(SharingVersion.current.rawValue) "
                    + "is spoken here: install the client of the cell's release"
            )
        }
        guard let trouble = trouble(limits) else { return }
        throw CrypTenError(.malformedFrame, "what was answered is no model's metadata: \(trouble)")
    }

    /// What is wrong with it, whatever it says.
    private func trouble(_ limits: WireLimits) -> String? {
        guard epoch != nil else { return "it has no epoch" }
        guard (2...1 << 10).contains(parameters.parties), (0..<parameters.parties).contains(parameters.party) else {
            return "it counts \(parameters.parties) parties"
        }
        guard parameters.rows >= 1 else { return "it takes no rows" }
        if let counts = parameters.rowCounts {
            guard !counts.isEmpty, counts.allSatisfy((1...parameters.rows).contains) else {
                return "it takes numbers of rows that no request has"
            }
        }
        guard !versions.isEmpty else { return "it has no version" }
        guard (1...limits.mostTensors).contains(inputs.count), (1...limits.mostTensors).contains(outputs.count) else {
            return "it has \(inputs.count) inputs and \(outputs.count) outputs"
        }
        guard Set(inputs.map(\.name)).count == inputs.count, Set(outputs.map(\.name)).count == outputs.count else {
            return "two inputs or two outputs have one name"
        }
        let allFractionBits = inputs.map(\.parameters.fractionBits) + outputs.map(\.parameters.fractionBits)
        guard allFractionBits.allSatisfy(FixedPointWords.fractionBits.contains) else {
            return "it has fraction bits that no word has"
        }
        guard inputs.allSatisfy({ $0.parameters.range.map { $0.count == 2 && $0[0] <= $0[1] } ?? true }) else {
            return "it has a range that is none"
        }
        let isShape = { (shape: [Int]) in
            (1...limits.mostAxes).contains(shape.count) && shape[0] == -1
                && shape.dropFirst().allSatisfy { (0...limits.mostWords).contains($0) }
        }
        guard inputs.allSatisfy({ !$0.shapes.isEmpty && $0.shapes.allSatisfy(isShape) }) else {
            return "it has a shape of an input that is none"
        }
        guard Set(inputs.map(\.shapes.count)).count == 1 else {
            return "its inputs list different numbers of shapes"
        }
        return nil
    }

    /// Whether another party says the same, but for who it is.
    package func agrees(with other: ModelMetadata) -> Bool {
        var other = other
        other.parameters.party = parameters.party
        other.parameters.partyName = parameters.partyName
        return self == other
    }

    /// Writes it; the same bytes each time.
    package var body: Data {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(self)
        }
    }
}
