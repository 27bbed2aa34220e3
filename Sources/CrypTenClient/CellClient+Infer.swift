import CrypTenBase
import CrypTenSharing

extension CellClient {
    /// What a model answers.
    ///
    /// Rows beyond those that the model takes at once are asked in several requests, one after the other; a model that mixes its rows takes
    /// certain numbers of them, and no others. After what may pass a request is asked anew by itself, with a new id and new shares, as long
    /// as the time allows.
    ///
    /// - Parameters:
    ///   - model: The model's name.
    ///   - inputs: A tensor for each input of the model; the first axis is the rows, one number of them in all.
    ///   - outputs: The outputs to ask for; nil: all that the client may have.
    ///   - version: The model's version, where it must be a certain one.
    ///   - canaries: Rows with known answers to mix in.
    ///   - timeout: How long it may take; nil: as ``Options/timeout``.
    /// - Returns: A tensor for each output: reals, whole numbers or booleans by the model's type.
    /// - Throws: ``CrypTenError``: `.invalidArgument`, `.shapeMismatch` and `.outOfRange` for what the model doesn't take, before any share
    ///   is sent; `.identityRefused`, `.peerLost`, `.timedOut` and others for what keeps the answer away. Where a party refused, the cause
    ///   is a ``CellRefusal``.
    /// > Security: Parties learn who asks which model, how many rows there are, padded shapes and the time; the answer as little as the
    ///   question, as long as one of them doesn't give its share away.
    public func infer(
        _ model: String,
        _ inputs: [String: ClientTensor],
        outputs: [String]? = nil,
        version: String? = nil,
        canaries: Canaries? = nil,
        timeout: Duration? = nil
    ) async throws -> [String: ClientTensor] {
        do {
            return try await inferAll(model, inputs, outputs, version, canaries, .after(timeout ?? options.timeout))
        } catch is CancellationError {
            throw CrypTenError(.cancelled, "the question to model \"\(model)\" was cancelled by its caller")
        }
    }

    private func inferAll(
        _ model: String,
        _ inputs: [String: ClientTensor],
        _ outputs: [String]?,
        _ version: String?,
        _ canaries: Canaries?,
        _ deadline: Deadline
    ) async throws -> [String: ClientTensor] {
        var attempts = Attempts(options, deadline)
        var asked: (model: ModelMetadata, question: Question)?
        var replies: [[InferenceReply]] = []
        var row = 0
        while row < asked?.question.rows ?? .max {
            var wasKept = false
            do {
                let (metadata, isFresh) = try await metadata(model, version, deadline)
                wasKept = !isFresh
                // What has been answered already can't be put together with what another model answers.
                if let asked, !replies.isEmpty, !asked.model.isSame(butForEpoch: metadata) {
                    throw CrypTenError(.diverged, "model \"\(model)\" was exchanged while it was asked: ask again")
                }
                let question =
                    if let asked, asked.model.isSame(butForEpoch: metadata) {
                        asked.question
                    } else {
                        try Question(inputs, metadata, canaries, outputs)
                    }
                asked = (metadata, question)
                let end = min(question.rows, row + metadata.parameters.rows)
                replies.append(try await ask(metadata, question.part(row..<end), outputs, deadline))
                row = end
                attempts = Attempts(options, deadline)
            } catch let error as CrypTenError {
                forget(model, version)
                // The model may have another version by now: what is read anew says so.
                if wasKept, error.isNotFound { continue }
                try await attempts.waitAfter(error)
            }
        }
        guard let asked else { preconditionFailure("no row is asked before the metadata are there") }
        let answer = try Answer.assembled(replies, asked.model, rows: asked.question.rows)
        return try asked.question.mixture?.separated(answer) ?? answer
    }

    /// Asks all parties for some rows.
    private func ask(
        _ model: ModelMetadata,
        _ part: (inputs: [InferenceRequest.Input], words: [[UInt64]]),
        _ outputs: [String]?,
        _ deadline: Deadline
    ) async throws -> [InferenceReply] {
        guard let epoch = model.epoch else { preconditionFailure("metadata are checked when they are read") }
        var generator = SystemRandomNumberGenerator()
        let id = RequestID.random(using: &generator)
        let seeds = links.dropLast().map { _ in ShareSeed.random(using: &generator) }
        let expansions = seeds.enumerated().map { party, seed in
            ShareExpansion(seed, id: id, model: model.name, party: party)
        }
        let last = try zip(part.inputs, part.words).map { input, words in
            try ShareSum.lastPart(of: words, input: input.name, expansions)
        }
        let bodies = try (seeds.map { .seed($0) } + [InferenceRequest.Part.words(last)]).map { share in
            try InferenceRequest(
                id: id,
                epoch: epoch,
                inputs: part.inputs,
                part: share,
                outputs: outputs,
                wantsBinary: true
            ).encoded(binary: true)
        }
        let path = CellClient.path(model.name, model.versions[0]) + "/infer"
        let byLink = Dictionary(uniqueKeysWithValues: zip(links.map(ObjectIdentifier.init), bodies))
        let answers = try await ofAll(deadline) { link, token, patience in
            guard let body = byLink[ObjectIdentifier(link)] else { preconditionFailure("each party has its part") }
            return try await link.post(path, body, token: token, within: patience)
        }
        let replies = try zip(cell.parties, answers).map { party, body in
            try CellClient.told(by: party) {
                let reply = try InferenceReply(body)
                try Answer.check(reply, id, model, outputs, rows: part.inputs[0].shape[0])
                return reply
            }
        }
        guard Set(replies.map(\.tag)).count == 1 else {
            throw CrypTenError(
                .diverged,
                "the parties' answers don't belong to one run, and aren't put together: ask again"
            )
        }
        guard replies.allSatisfy({ $0.isSame(butForWords: replies[0]) }) else {
            throw CrypTenError(
                .diverged,
                "the parties' answers have different outputs or shapes, and aren't put together"
            )
        }
        return replies
    }
}

/// What is left of attempts at one request.
private struct Attempts {
    private let deadline: Deadline
    private let pause: Duration
    private var left: Int
    private var factor = 1

    init(_ options: CellClient.Options, _ deadline: Deadline) {
        self.deadline = deadline
        left = options.retries
        pause = options.pause
    }

    /// Waits before the next attempt: as long as the party says, or as the options do, and twice as long each time.
    ///
    /// - Throws: the error, where it doesn't pass, or where there is no attempt or no time left.
    mutating func waitAfter(_ error: CrypTenError) async throws {
        // Several clients that were refused together don't come back together.
        let named = (error.cause as? CellRefusal)?.retryAfter ?? .zero
        let wait = max(pause, named) * factor * Double.random(in: 1...1.25)
        guard error.mayPass, left > 0, deadline.remaining > wait else { throw error }
        left -= 1
        factor *= 2
        try await Task.sleep(for: wait)
    }
}

extension CrypTenError {
    /// Whether asking anew may help: a party has said so, or the connection to it ended.
    fileprivate var mayPass: Bool {
        guard let refusal = cause as? CellRefusal else { return code == .peerLost }
        return refusal.doorCode?.mayAskAnew ?? false
    }

    fileprivate var isNotFound: Bool {
        (cause as? CellRefusal)?.doorCode == .notFound
    }
}

extension ModelMetadata {
    /// Whether a model is the same in another session.
    fileprivate func isSame(butForEpoch other: ModelMetadata) -> Bool {
        var other = other
        other.parameters.epoch = parameters.epoch
        return agrees(with: other)
    }
}

extension InferenceReply {
    /// Whether two parties' answers can be added up.
    fileprivate func isSame(butForWords other: InferenceReply) -> Bool {
        let forms = [self, other].map { reply in
            reply.outputs.map { output in
                var output = output
                output.words = []
                return output
            }
        }
        return forms[0] == forms[1] && version == other.version
    }
}
