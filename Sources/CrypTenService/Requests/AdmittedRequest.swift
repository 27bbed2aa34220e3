package import CrypTenSharing

/// A request that a party has taken in: whose it is, what it asks for, and this party's part of its inputs.
package struct AdmittedRequest: Sendable {
    package var key: RequestKey
    package var model: String
    package var version: String
    /// The inputs in the order of the model's.
    package var inputs: [InferenceRequest.Input]
    package let share: RequestShare
    /// What it asks for of what its client may have, in the model's order.
    package var outputs: [String]
    package var rows: Int

    package init(
        key: RequestKey,
        model: String,
        version: String,
        inputs: [InferenceRequest.Input],
        part: InferenceRequest.Part,
        outputs: [String],
        rows: Int
    ) {
        (self.key, self.model, self.version) = (key, model, version)
        (self.inputs, self.outputs, self.rows) = (inputs, outputs, rows)
        share = RequestShare(part)
    }

    /// The inputs' shapes behind the rows: requests of one kind can share a run.
    package var bucket: [[Int]] {
        inputs.map { Array($0.shape.dropFirst()) }
    }

    /// SHA-256 of all that must be the same at every party: what doesn't come from the client's part, and nothing of that.
    package func form(in cell: String) -> RequestForm {
        var hash = PartsHash()
        for text in [cell, key.client, key.epoch.description, key.id.description, model, version] { hash.add(text) }
        hash.add("\(inputs.count) inputs, \(outputs.count) outputs")
        for input in inputs {
            hash.add(input.name)
            hash.add("\(input.shape)")
        }
        for output in outputs { hash.add(output) }
        return RequestForm(bytes: hash.finalize())
    }

    /// This party's words of each input, input by input.
    ///
    /// - Parameter party: Which one it is.
    package func withWords(at party: Int, _ body: (_ input: Int, _ words: [UInt64]) throws -> Void) throws {
        try share.withWords(of: inputs) { seed, input in
            try ShareExpansion(seed, id: key.id, model: model, party: party).words(of: input.name, count: input.count)
        } _: {
            try body($0, $1)
        }
    }
}

/// A digest of what a request looks like to a party, apart from its share.
package struct RequestForm: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}
