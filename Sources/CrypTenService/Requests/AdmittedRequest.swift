import CrypTenSharing
import Crypto
import Foundation

/// A request that a party has taken in: whose it is, what it asks for, and this party's part of its inputs.
struct AdmittedRequest: Sendable {
    var key: RequestKey
    var model: String
    var version: String
    /// The inputs in the order of the model's.
    var inputs: [InferenceRequest.Input]
    var part: InferenceRequest.Part
    /// What it asks for of what its client may have, in the model's order.
    var outputs: [String]
    var rows: Int

    /// The inputs' shapes behind the rows: requests of one kind can share a run.
    var bucket: [[Int]] {
        inputs.map { Array($0.shape.dropFirst()) }
    }

    /// SHA-256 of all that must be the same at every party: what doesn't come from the client's part, and nothing of that.
    func form(in cell: String) -> RequestForm {
        var hash = SHA256()
        func add(_ text: String) {
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: Data(text.utf8))
        }
        for text in [cell, key.client, key.epoch.description, key.id.description, model, version] { add(text) }
        for input in inputs {
            add(input.name)
            add("\(input.shape)")
        }
        for output in outputs { add(output) }
        return RequestForm(bytes: Array(hash.finalize()))
    }

    /// This party's words of each input.
    ///
    /// - Parameter party: Which one it is.
    func words(at party: Int) throws -> [[UInt64]] {
        switch part {
        case .words(let words): return words
        case .seed(let seed):
            let expansion = ShareExpansion(seed, id: key.id, model: model, party: party)
            return try inputs.map { try expansion.words(of: $0.name, count: $0.count) }
        }
    }
}

/// A digest of what a request looks like to a party, apart from its share.
struct RequestForm: Hashable, Sendable {
    var bytes: [UInt8]
}
