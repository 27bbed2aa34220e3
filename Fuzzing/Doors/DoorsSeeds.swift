import CrypTenSharing
import Foundation
import FuzzedSeeds

/// Called by libFuzzer before anything else.
@_cdecl("LLVMFuzzerInitialize")
public func initializeDoors(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    Seeds.write {
        var seeds: [String: Data] = [:]
        func add(_ name: String, _ kind: UInt8, _ body: EncodedBody) {
            let length = body.headerLength ?? 0
            let head = [kind | (body.headerLength == nil ? 0 : 0x80), UInt8(length & 255), UInt8(length >> 8)]
            seeds[name] = Data(head) + body.bytes
        }
        let id = RequestID(halves: SIMD2(1, 2))
        let epoch = Epoch(halves: SIMD2(3, 4))
        let inputs = [InferenceRequest.Input(name: "x", shape: [2, 3]), InferenceRequest.Input(name: "y", shape: [2])]
        let words = InferenceRequest.Part.words([[1, 2, 3, 4, 5, .max], [0, 1 << 63]])
        for (name, part) in [("words", words), ("seed", .seed(ShareSeed(bytes: [UInt8](repeating: 7, count: 32))!))] {
            let request = InferenceRequest(
                id: id,
                epoch: epoch,
                inputs: inputs,
                part: part,
                outputs: ["z"],
                wantsBinary: true
            )
            add("request-\(name)", 0, try request.encoded(binary: false))
            add("request-\(name)-binary", 0, try request.encoded(binary: true))
        }
        let output = InferenceReply.Output(name: "z", shape: [2, 1], words: [5, .max], type: .fp32, fractionBits: 16)
        let tag = ReplyTag(epoch: epoch, binding: [UInt8](repeating: 9, count: 32), id: id)
        let reply = InferenceReply(model: "m", version: "v", id: id, tag: tag, outputs: [output])
        add("reply", 1, try reply.encoded(binary: false))
        add("reply-binary", 1, try reply.encoded(binary: true))
        let metadata = ModelMetadata(
            name: "m",
            versions: ["v", "w"],
            inputs: [
                ModelMetadata.Input(
                    name: "x",
                    shape: [-1, 3],
                    parameters: .init(
                        type: .fp32,
                        fractionBits: 16,
                        range: [0, 1],
                        shapes: [[-1, 3], [-1, 6]],
                        pad: 0
                    )
                )
            ],
            outputs: [
                ModelMetadata.Output(name: "z", shape: [-1, 1], parameters: .init(type: .bool, fractionBits: 0))
            ],
            parameters: .init(cell: "c", epoch: epoch, party: 0, parties: 2, partyName: "p", rows: 8)
        )
        seeds["metadata"] = Data([2, 0, 0]) + (try metadata.body)
        seeds["refusal"] = Data([3, 0, 0]) + DoorRefusal(.budget, "no rows are left").body
        return seeds
    }
    return 0
}
