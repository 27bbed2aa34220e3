import CrypTenBase
import CrypTenSharing

/// Making numbers of all parties' words.
enum Answer {
    /// Holds one party's answer against what was asked and what the parties say of the model.
    ///
    /// - Throws: `.diverged` where it is another's, `.malformedFrame` where it isn't what the model has.
    static func check(
        _ reply: InferenceReply,
        _ id: RequestID,
        _ model: ModelMetadata,
        _ outputs: [String]?,
        rows: Int
    ) throws {
        guard reply.id == id, reply.model == model.name, reply.version == model.versions[0] else {
            throw CrypTenError(.diverged, "what came is the answer to another request, model or version")
        }
        let names = reply.outputs.map(\.name)
        guard outputs.map({ Set($0) == Set(names) }) ?? true else {
            throw CrypTenError(
                .malformedFrame,
                "what came has outputs \(names), which aren't those that were asked for"
            )
        }
        for output in reply.outputs {
            guard let described = model.outputs.first(where: { $0.name == output.name }),
                described.parameters.type == output.type, described.parameters.fractionBits == output.fractionBits,
                described.shape.count == output.shape.count, output.shape[0] == rows,
                zip(described.shape, output.shape).dropFirst().allSatisfy({ $0 == -1 || $0 == $1 })
            else {
                throw CrypTenError(
                    .malformedFrame,
                    "what came has an output that the model hasn't, of another shape, or not with a row for each that was asked"
                )
            }
        }
    }

    /// The outputs of all requests of a call, one after the other, each the sum of all parties' words.
    static func assembled(
        _ replies: [[InferenceReply]],
        _ model: ModelMetadata,
        rows: Int
    ) throws -> [String: ClientTensor] {
        guard let first = replies.first?.first else { throw CrypTenError(.shapeMismatch, "there are no rows to ask") }
        var answer: [String: ClientTensor] = [:]
        for (index, output) in first.outputs.enumerated() {
            guard replies.allSatisfy({ $0[0].outputs.count == first.outputs.count && $0[0].version == first.version }),
                replies.allSatisfy({ $0[0].outputs[index].shape.dropFirst() == output.shape.dropFirst() })
            else {
                throw CrypTenError(.diverged, "the answers to the parts of the question don't have one form: ask again")
            }
            let words = try replies.flatMap { parties in
                try ShareSum.total(of: parties.map { $0.outputs[index].words })
            }
            let values: ClientTensor.Values =
                switch output.type {
                case .fp32, .fp64: .doubles(FixedPointWords.decodeReals(words, fractionBits: output.fractionBits))
                case .int64: .integers(FixedPointWords.decodeIntegers(words))
                case .bool: .booleans(try FixedPointWords.decodeBooleans(words, output: output.name))
                }
            answer[output.name] = try ClientTensor(shape: [rows] + output.shape.dropFirst(), values)
        }
        return answer
    }
}
