import CrypTenBase
import Foundation

/// One party's part of an answer: words that alone are uniformly random.
package struct InferenceReply: Hashable, Sendable {
    /// One output's words and what the sum over all parties means.
    package struct Output: Hashable, Sendable {
        package var name: String
        package var shape: [Int]
        package var words: [UInt64]
        package var type: TensorType
        package var fractionBits: Int

        package init(name: String, shape: [Int], words: [UInt64], type: TensorType, fractionBits: Int) {
            self.name = name
            self.shape = shape
            self.words = words
            self.type = type
            self.fractionBits = fractionBits
        }
    }

    package var model: String
    package var version: String
    package var id: RequestID
    package var tag: ReplyTag
    package var outputs: [Output]

    package init(model: String, version: String, id: RequestID, tag: ReplyTag, outputs: [Output]) {
        self.model = model
        self.version = version
        self.id = id
        self.tag = tag
        self.outputs = outputs
    }

    /// Reads and checks an answer, whoever wrote it.
    ///
    /// - Throws: ``CrypTenError`` `.malformedFrame` for what is no answer or holds more than ``WireLimits`` allow.
    package init(_ body: EncodedBody, _ limits: WireLimits = WireLimits()) throws {
        do {
            self = try InferenceReply.read(body, limits)
        } catch let refusal as DoorRefusal {
            throw CrypTenError(.malformedFrame, "what was answered is no answer: \(refusal.message)")
        }
    }

    private static func read(_ body: EncodedBody, _ limits: WireLimits) throws -> InferenceReply {
        let (json, binary) = try body.parts(limits)
        let read = try BodyDecoder.decode(ReplyBody.self, from: json, limits)
        guard let id = RequestID(read.id), let tag = ReplyTag(read.parameters.tag) else {
            throw DoorRefusal(.malformed, "it has no \"id\" or \"crypten_tag\" of hexadecimal digits")
        }
        try read.outputs.checkTogether(limits)
        guard let words = try read.outputs.words(behind: binary) else {
            throw DoorRefusal(.malformed, "it has no words")
        }
        let outputs = try zip(read.outputs, words).map { tensor, words in
            guard let type = tensor.parameters?.type.flatMap(TensorType.init),
                let fractionBits = tensor.parameters?.fractionBits, FixedPointWords.fractionBits.contains(fractionBits)
            else {
                throw DoorRefusal(.malformed, "an output has no \"crypten_type\" or \"crypten_fraction_bits\"")
            }
            return Output(
                name: tensor.name,
                shape: tensor.shape,
                words: words,
                type: type,
                fractionBits: fractionBits
            )
        }
        return InferenceReply(model: read.model, version: read.version, id: id, tag: tag, outputs: outputs)
    }

    /// Writes the answer; the same bytes each time.
    ///
    /// - Parameter binary: Whether words stand behind the JSON, 8 bytes each, and not in it.
    /// - Returns: The body, and where its JSON ends.
    /// - Throws: what the encoder of JSON throws: nothing, for there is nothing in it that JSON doesn't have.
    package func encoded(binary: Bool) throws -> EncodedBody {
        let body = ReplyBody(
            model: model,
            version: version,
            id: id.description,
            parameters: ReplyBody.Parameters(tag: tag.description),
            outputs: outputs.map { output in
                TensorBody(
                    name: output.name,
                    shape: output.shape,
                    words: output.words,
                    binary: binary,
                    parameters: TensorBody.Parameters(fractionBits: output.fractionBits, type: output.type.rawValue)
                )
            }
        )
        return try EncodedBody(body, binary: binary ? outputs.map(\.words) : nil)
    }
}

/// An answer as JSON has it.
private struct ReplyBody: Codable {
    struct Parameters: Codable {
        var tag: String

        enum CodingKeys: String, CodingKey {
            case tag = "crypten_tag"
        }
    }

    enum CodingKeys: String, CodingKey {
        case model = "model_name"
        case version = "model_version"
        case id, parameters, outputs
    }

    var model: String
    var version: String
    var id: String
    var parameters: Parameters
    var outputs: [TensorBody]

    init(model: String, version: String, id: String, parameters: Parameters, outputs: [TensorBody]) {
        self.model = model
        self.version = version
        self.id = id
        self.parameters = parameters
        self.outputs = outputs
    }

    /// Reads one; how many outputs there are is checked before they are read.
    init(from decoder: any Decoder) throws {
        let limits = decoder.userInfo[.wireLimits] as? WireLimits ?? WireLimits()
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let count = try container.nestedUnkeyedContainer(forKey: .outputs).count ?? 0
        guard (1...limits.mostTensors).contains(count) else {
            throw DoorRefusal(.malformed, "it has \(count) outputs: there are 1 to \(limits.mostTensors)")
        }
        model = try container.decode(String.self, forKey: .model)
        version = try container.decode(String.self, forKey: .version)
        id = try container.decode(String.self, forKey: .id)
        parameters = try container.decode(Parameters.self, forKey: .parameters)
        outputs = try container.decode([TensorBody].self, forKey: .outputs)
    }
}
