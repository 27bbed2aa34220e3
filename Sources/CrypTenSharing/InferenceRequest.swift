import Foundation

/// One party's part of a question: what it is about, and a seed or words.
///
/// It is checked when it is read: as many words as the shapes say, one number of rows, nothing twice, and within ``WireLimits``.
package struct InferenceRequest: Hashable, Sendable {
    /// An input's name and shape; the first axis is the rows.
    package struct Input: Hashable, Sendable {
        package var name: String
        package var shape: [Int]

        package init(name: String, shape: [Int]) {
            self.name = name
            self.shape = shape
        }

        /// How many words it has.
        package var count: Int { shape.reduce(1, *) }
    }

    /// What a party gets.
    package enum Part: Hashable, Sendable {
        /// Parties 0 to n − 2: of what their words are made.
        case seed(ShareSeed)
        /// Party n − 1: the words of each input, in the inputs' order.
        case words([[UInt64]])
    }

    package var id: RequestID
    package var epoch: Epoch
    package var inputs: [Input]
    package var part: Part
    /// What is asked for; nil: all that the client may have.
    package var outputs: [String]?
    /// Whether the answer's words are to stand behind its JSON.
    package var wantsBinary: Bool

    package init(
        id: RequestID,
        epoch: Epoch,
        inputs: [Input],
        part: Part,
        outputs: [String]? = nil,
        wantsBinary: Bool = false
    ) {
        self.id = id
        self.epoch = epoch
        self.inputs = inputs
        self.part = part
        self.outputs = outputs
        self.wantsBinary = wantsBinary
    }

    /// How many rows there are.
    package var rows: Int { inputs.first?.shape.first ?? 0 }

    /// Reads and checks a request, whoever wrote it.
    ///
    /// What it doesn't know of JSON's keys it passes over.
    ///
    /// - Throws: ``DoorRefusal``: `.malformed`, `.needsShares`, `.sharingVersion` or `.tooLarge`; it says nothing of the words.
    package init(_ body: EncodedBody, _ limits: WireLimits = WireLimits()) throws {
        let (json, words) = try body.parts(limits)
        let read = try BodyDecoder.decode(RequestBody.self, from: json, limits)
        guard !read.inputs.isEmpty else { throw DoorRefusal(.malformed, "the request has no inputs") }
        guard let parameters = read.parameters, let sharing = parameters.sharing else {
            throw DoorRefusal(
                .needsShares,
                "a request without \"crypten_sharing\" was sent: a client of the cell splits its inputs into shares first"
            )
        }
        guard sharing == SharingVersion.current.rawValue else {
            throw DoorRefusal(
                .sharingVersion,
                "sharing of version \(sharing) was sent, and version \(SharingVersion.current.rawValue) is spoken here: "
                    + "install the client of the cell's release"
            )
        }
        guard let id = read.id.flatMap(RequestID.init) else {
            throw DoorRefusal(.malformed, "the request has no \"id\" of \(2 * RequestID.size) hexadecimal digits")
        }
        guard let epoch = parameters.epoch.flatMap(Epoch.init) else {
            throw DoorRefusal(
                .malformed,
                "the request has no \"crypten_epoch\" of \(2 * Epoch.size) hexadecimal digits"
            )
        }
        try read.inputs.checkTogether(limits)
        self.init(
            id: id,
            epoch: epoch,
            inputs: read.inputs.map { Input(name: $0.name, shape: $0.shape) },
            part: try InferenceRequest.part(seed: parameters.seed, words: read.inputs.words(behind: words)),
            outputs: try read.checkedOutputs(limits),
            wantsBinary: parameters.binaryDataOutput ?? false
        )
    }

    private static func part(seed: String?, words: [[UInt64]]?) throws -> Part {
        switch (seed, words) {
        case (let seed?, nil):
            guard let seed = ShareSeed(hexadecimal: seed) else {
                throw DoorRefusal(.malformed, "\"crypten_seed\" isn't \(2 * ShareSeed.size) hexadecimal digits")
            }
            return .seed(seed)
        case (nil, let words?):
            return .words(words)
        case (_?, _?):
            throw DoorRefusal(.malformed, "the request has a seed and words: a party gets one of them")
        case (nil, nil):
            throw DoorRefusal(.malformed, "the request has neither a seed nor words")
        }
    }

    /// Writes the request; the same bytes each time.
    ///
    /// - Parameter binary: Whether words stand behind the JSON, 8 bytes each, and not in it.
    /// - Returns: The body, and where its JSON ends.
    /// - Throws: what the encoder of JSON throws: nothing, for there is nothing in it that JSON doesn't have.
    package func encoded(binary: Bool) throws -> EncodedBody {
        var words: [[UInt64]]?
        var seed: ShareSeed?
        switch part {
        case .seed(let given): seed = given
        case .words(let given): words = given
        }
        let isBinary = binary && words != nil
        let body = RequestBody(
            id: id.description,
            parameters: RequestBody.Parameters(
                sharing: SharingVersion.current.rawValue,
                epoch: epoch.description,
                seed: seed?.hexadecimal,
                binaryDataOutput: wantsBinary ? true : nil
            ),
            inputs: inputs.enumerated().map { index, input in
                TensorBody(name: input.name, shape: input.shape, words: words?[index], binary: isBinary)
            },
            outputs: outputs?.map(RequestBody.Output.init)
        )
        return try EncodedBody(body, binary: isBinary ? words : nil)
    }
}

/// A request as JSON has it.
private struct RequestBody: Codable {
    struct Parameters: Codable {
        var sharing: Int?
        var epoch: String?
        var seed: String?
        var binaryDataOutput: Bool?

        enum CodingKeys: String, CodingKey {
            case sharing = "crypten_sharing"
            case epoch = "crypten_epoch"
            case seed = "crypten_seed"
            case binaryDataOutput = "binary_data_output"
        }
    }

    struct Output: Codable {
        var name: String
    }

    enum CodingKeys: String, CodingKey {
        case id, parameters, inputs, outputs
    }

    var id: String?
    var parameters: Parameters?
    var inputs: [TensorBody]
    var outputs: [Output]?

    init(id: String, parameters: Parameters, inputs: [TensorBody], outputs: [Output]?) {
        self.id = id
        self.parameters = parameters
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Reads one; how many inputs and outputs there are is checked before they are read.
    init(from decoder: any Decoder) throws {
        let limits = decoder.userInfo[.wireLimits] as? WireLimits ?? WireLimits()
        let container = try decoder.container(keyedBy: CodingKeys.self)
        for key in [CodingKeys.inputs, .outputs] where container.contains(key) {
            guard try container.nestedUnkeyedContainer(forKey: key).count ?? 0 <= limits.mostTensors else {
                throw DoorRefusal(
                    .tooLarge,
                    "there are more than \(limits.mostTensors) \(key.stringValue): no model has so many"
                )
            }
        }
        // Inputs first: who sends plain ones is told so, whatever else is missing.
        inputs = try container.decode([TensorBody].self, forKey: .inputs)
        id = try container.decodeIfPresent(String.self, forKey: .id)
        parameters = try container.decodeIfPresent(Parameters.self, forKey: .parameters)
        outputs = try container.decodeIfPresent([Output].self, forKey: .outputs)
    }

    func checkedOutputs(_ limits: WireLimits) throws -> [String]? {
        guard let names = outputs?.map(\.name) else { return nil }
        guard !names.isEmpty, Set(names).count == names.count else {
            throw DoorRefusal(.malformed, "\"outputs\" names none, or one twice: leave it out to ask for all")
        }
        guard names.allSatisfy({ (1...limits.mostNameBytes).contains($0.utf8.count) }) else {
            throw DoorRefusal(.malformed, "a name of \"outputs\" hasn't 1 to \(limits.mostNameBytes) bytes")
        }
        return names
    }
}
