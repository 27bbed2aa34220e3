package import CrypTenSharing

/// Whether a request may be asked: by the cluster file, and by what the model takes.
package enum DoorAdmission {
    /// Makes of what was sent what is taken in.
    ///
    /// - Parameters:
    ///   - request: As it was read.
    ///   - version: The version that was asked for; nil: the first.
    ///   - isLast: Whether this is the party that gets words.
    /// - Throws: ``DoorRefusal`` `.forbidden`, `.notFound`, `.malformed`, `.tooLarge`.
    package static func admit(
        _ request: InferenceRequest,
        model: String,
        version: String?,
        of client: ClusterFile.Client,
        served: [ModelShelf.Entry],
        isLast: Bool
    ) throws -> AdmittedRequest {
        let allowance = try allowance(of: client, model)
        guard let entry = version == nil ? served.first : served.first(where: { $0.version == version }) else {
            throw DoorRefusal(
                .notFound,
                "version \(version ?? "") of model \(model) isn't served: read the metadata again"
            )
        }
        switch (request.part, isLast) {
        case (.seed, true):
            throw DoorRefusal(
                .malformed,
                "a seed was sent to the last party, which gets the words that the other parties' seeds leave"
            )
        case (.words, false):
            throw DoorRefusal(
                .malformed,
                "words were sent to a party that gets a seed, from which it makes them itself"
            )
        case (.seed, false), (.words, true): break
        }
        let order = try order(request, entry)
        let inputs = order.map { request.inputs[$0] }
        guard request.rows >= 1, request.rows <= entry.mostRows else {
            throw DoorRefusal(
                .tooLarge,
                "\(request.rows) rows: model \(model) takes 1 to \(entry.mostRows) in a request"
            )
        }
        if let sizes = entry.sizes, !sizes.contains(request.rows) {
            throw DoorRefusal(
                .tooLarge,
                "\(request.rows) rows: model \(model) mixes its rows, and takes \(sizes) at once"
            )
        }
        let bucket = inputs.map { Array($0.shape.dropFirst()) }
        let permitted = (0..<(entry.inputs.first?.shapes.count ?? 0)).map { index in
            entry.inputs.map { Array($0.shapes[index].dropFirst()) }
        }
        guard permitted.contains(bucket) else {
            throw DoorRefusal(
                .malformed,
                "inputs of shapes \(inputs.map(\.shape)): model \(model) permits \(permitted), behind the rows; pad them"
            )
        }
        var part = request.part
        if case .words(let words) = part { part = .words(order.map { words[$0] }) }
        return AdmittedRequest(
            key: RequestKey(client: client.name, epoch: request.epoch, id: request.id),
            model: model,
            version: entry.version,
            inputs: inputs,
            part: part,
            outputs: try outputs(request, model, entry, allowance),
            rows: request.rows
        )
    }

    /// - Throws: ``DoorRefusal`` `.forbidden` for a model that the client mustn't ask.
    static func allowance(of client: ClusterFile.Client, _ model: String) throws -> ClusterFile.Allowance {
        guard let allowance = client.models[model] else {
            throw DoorRefusal(
                .forbidden,
                "client \(client.name) may not ask model \(model): the cluster file says whom it may"
            )
        }
        return allowance
    }

    /// Where each input of the model stands in the request.
    private static func order(_ request: InferenceRequest, _ entry: ModelShelf.Entry) throws -> [Int] {
        guard request.inputs.count == entry.inputs.count else {
            throw DoorRefusal(
                .malformed,
                "\(request.inputs.count) inputs: the model has \(entry.inputs.map(\.name).joined(separator: ", "))"
            )
        }
        return try entry.inputs.map { input in
            guard let index = request.inputs.firstIndex(where: { $0.name == input.name }) else {
                throw DoorRefusal(.malformed, "input '\(input.name)' is missing")
            }
            return index
        }
    }

    private static func outputs(
        _ request: InferenceRequest,
        _ model: String,
        _ entry: ModelShelf.Entry,
        _ allowance: ClusterFile.Allowance
    ) throws -> [String] {
        let permitted = entry.outputs.map(\.name).filter { allowance.outputs?.contains($0) ?? true }
        guard let asked = request.outputs else { return permitted }
        for name in asked where !permitted.contains(name) {
            throw DoorRefusal(
                .forbidden,
                "no output '\(name.prefix(100))' for this client: model \(model) gives it \(permitted.joined(separator: ", "))"
            )
        }
        return permitted.filter(asked.contains)
    }
}
