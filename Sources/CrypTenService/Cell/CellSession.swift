import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenSharing
import Foundation
import Logging

/// One session of a cell at one party: what it serves, and what it does when party 0 says so.
///
/// Party 0 leads: it says what all do next, because all must do the same in the same order. It has no other privilege; what a batch consists of
/// all parties find out from what each of them has, and a run that isn't for the same requests everywhere ends with an error.
final class CellSession {
    /// What party 0 does without a reason at least so often: so that the others can say what they have to.
    private static let idle = Duration.milliseconds(100)
    private static let leader = PartyID(0)
    /// How long a member that wants to leave waits for what is under way.
    private static let patienceWithLeaving = Duration.seconds(1)

    private let session: Session
    private let cluster: ClusterFile
    private let requests: WaitingRequests
    private let shelf: ModelShelf
    private let meter: CellMeter
    private let logger: Logger
    /// Where this member's own files are; and what has changed of them.
    private let own: OwnModels
    /// Whether this member is to leave.
    private let isLeaving: @Sendable () -> Bool
    private var models: [String: [ServedModel]] = [:]
    /// nil until the session has one: nothing is served before.
    private var epoch: Epoch?
    /// What other parties, or this one, have said of their files.
    private var changed: Set<String> = []
    /// Since when a member has said that it is to leave.
    private var leaving: ContinuousClock.Instant?
    private var isEpochFull = false
    /// How long it took to prepare a run last: one is prepared while requests wait only where it doesn't hold them up.
    private var preparing: [String: Duration] = [:]

    init(
        _ session: Session,
        cluster: ClusterFile,
        requests: WaitingRequests,
        shelf: ModelShelf,
        own: OwnModels,
        meter: CellMeter,
        logger: Logger,
        isLeaving: @escaping @Sendable () -> Bool
    ) {
        (self.session, self.cluster, self.requests, self.shelf) = (session, cluster, requests, shelf)
        (self.own, self.meter, self.logger, self.isLeaving) = (own, meter, logger, isLeaving)
    }

    // MARK: Beginning

    /// Agrees with the others, loads the models, and begins an epoch.
    func begin() async throws {
        try await session.agree(on: cluster.agreed, in: "the cluster file")
        for settings in cluster.models.sorted(by: { $0.name < $1.name }) { await tryToLoad(settings) }
        let drawn = try await session.broadcast(from: CellSession.leader) { Epoch.random().bytes }
        try begin(drawn)
    }

    private func begin(_ bytes: [UInt8]) throws {
        guard let epoch = Epoch(bytes: bytes) else {
            throw CrypTenError(.malformedFrame, "\(CellSession.leader) named an epoch that can't be read")
        }
        self.epoch = epoch
        requests.withTable { $0.begin(epoch) }
        shelve()
    }

    /// Loads a model, or goes on without it: a file that can't be served is told to all, and the others are served.
    ///
    /// Where the session has ended with it, whatever comes next says so.
    private func tryToLoad(_ settings: ClusterFile.Model) async {
        do {
            try await load(settings)
        } catch {
            let message = (error as? CrypTenError)?.message ?? "something failed"
            let rest = models[settings.name] == nil ? "it isn't served" : "the earlier one is served"
            logger.error("model \(settings.name) can't be loaded, and \(rest): \(message)")
        }
    }

    private func load(_ settings: ClusterFile.Model) async throws {
        guard let owner = cluster.members.first(where: { $0.name == settings.owner }) else {
            preconditionFailure("a cluster file's owners are members")
        }
        let isOwn = owner.party == session.party.index
        let start = ContinuousClock.now
        let model = try await ServedModel(
            settings,
            owner: PartyID(owner.party),
            file: isOwn ? own.file(of: settings.name) : nil,
            session: session
        )
        let earlier = models[settings.name] ?? []
        // The same form with other weights takes the place of the earlier one between two runs; another form stands beside it for a while.
        models[settings.name] = [model] + earlier.filter { $0.version != model.version }.prefix(1)
        for old in earlier
        where !(models[settings.name] ?? []).contains(where: {
            $0.version == old.version && $0.version != model.version
        }) {
            try await old.release(in: session)
        }
        for (key, form) in model.forms {
            meter.form(
                model: settings.name,
                size: key.size,
                rounds: form.cost.rounds,
                bytes: form.cost.onlineBytes[session.party.index]
            )
        }
        logger.info(
            "model \(settings.name), version \(model.version), is loaded",
            metadata: ["seconds": "\((ContinuousClock.now - start).inSeconds)", "batched": "\(model.isBatched)"]
        )
        shelve()
    }

    /// Shows the door what is served.
    private func shelve() {
        guard let epoch else { return }
        shelf.replace(models.mapValues { $0.map(ModelShelf.Entry.init) }, epoch: epoch)
    }

    // MARK: Serving

    /// Does what party 0 says until it says that the session ends.
    ///
    /// - Throws: what has ended the session.
    func serve() async throws {
        while true {
            let command = session.party == CellSession.leader ? await next() : nil
            let told = try await session.broadcast(from: CellSession.leader) {
                guard let command else { preconditionFailure("party 0 says what is next") }
                return try command.encoded()
            }
            let said = try CellCommand(decoding: told, from: CellSession.leader)
            let candidates = try candidates(of: said)
            let notes = try await exchange(candidates)
            switch said {
            case .idle: break
            case .epoch(let text): try begin(Epoch(text)?.bytes ?? [])
            case .batch(let model, let version, _):
                try await run(model, version, candidates, notes.map(\.statuses))
            case .prepare(let model, let version, let size, let bucket):
                try await prepare(model, version, ServedModel.Key(size: size, bucket: bucket))
            case .load(let name):
                guard let settings = cluster.models.first(where: { $0.name == name }) else { continue }
                own.loaded(name)
                changed.remove(name)
                await tryToLoad(settings)
            case .close:
                await session.close()
                return
            }
        }
    }

    private func candidates(of command: CellCommand) throws -> [RequestTable.Candidate] {
        guard case .batch(_, _, let candidates) = command else { return [] }
        let read = candidates.compactMap(\.candidate)
        guard read.count == candidates.count, Set(read.map(\.key)).count == read.count else {
            throw CrypTenError(
                .malformedFrame,
                "\(CellSession.leader) named a request twice, or one that can't be read; it runs another version"
            )
        }
        return read
    }

    /// Each party says what it has, and the others hear it.
    private func exchange(_ candidates: [RequestTable.Candidate]) async throws -> [CellNote] {
        var note = CellNote(changed: own.changed, isLeaving: isLeaving())
        note.isEpochFull = requests.withTable { $0.isEpochFull }
        note.statuses = requests.withTable { table in candidates.map { table.promise($0).rawValue } }
        let told = try await session.tellEachOther(.success(Array(try JSONEncoder().encode(note))), refusing: .unnamed)
        let notes = try told.enumerated().map { index, bytes in
            guard let note = try? JSONDecoder().decode(CellNote.self, from: Data(bytes)) else {
                throw CrypTenError(
                    .malformedFrame,
                    "\(PartyID(index)) said what can't be read; it runs another version"
                )
            }
            return note
        }
        for note in notes {
            changed.formUnion(note.changed.filter { name in cluster.models.contains { $0.name == name } })
        }
        leaving = notes.contains(where: \.isLeaving) ? leaving ?? .now : nil
        isEpochFull = notes.contains(where: \.isEpochFull)
        return notes
    }

    // MARK: Leading

    /// What is next; at party 0.
    private func next() async -> CellCommand {
        let idle = ContinuousClock.now + CellSession.idle
        while true {
            let now = ContinuousClock.now
            let (batch, next) = requests.withTable { table in
                table.due(
                    at: now,
                    window: { self.models[$0]?.first?.settings.window ?? .zero },
                    most: { self.models[$0]?.first?.mostRows ?? 1 },
                    isAlone: { self.models[$0]?.first?.isBatched == false }
                )
            }
            // A member that leaves isn't held for long: what waits goes on waiting for the next session.
            if let leaving, requests.withTable({ $0.count }) == 0 || now - leaving > CellSession.patienceWithLeaving {
                return .close
            }
            if let batch {
                return .batch(
                    model: batch.model,
                    version: batch.version,
                    candidates: batch.candidates.map(CellCommand.Candidate.init)
                )
            }
            if isEpochFull { return .epoch(Epoch.random().description) }
            if let name = changed.min() { return .load(model: name) }
            if let (model, key) = unprepared,
                next.map({ $0 - now > preparing["\(model.name) \(key)", default: .zero] }) ?? true
            {
                return .prepare(model: model.name, version: model.version, size: key.size, bucket: key.bucket)
            }
            if idle <= now { return .idle }
            await requests.bell.wait(atMost: min(next ?? idle, idle) - now)
        }
    }

    private var unprepared: (ServedModel, ServedModel.Key)? {
        for name in models.keys.sorted() {
            if let model = models[name]?.first, let key = model.unprepared { return (model, key) }
        }
        return nil
    }

    // MARK: Runs

    private func prepare(_ name: String, _ version: String, _ key: ServedModel.Key) async throws {
        guard let index = models[name]?.firstIndex(where: { $0.version == version }),
            let form = models[name]?[index].forms[key]
        else { throw CellSession.unknown(name, version) }
        let start = ContinuousClock.now
        try await session.prepareShares(of: form.outputs, runs: 1)
        preparing["\(name) \(key)"] = ContinuousClock.now - start
        models[name]?[index].forms[key]?.prepared += 1
        meter.prepared(form: name, size: key.size, models[name]?[index].forms[key]?.prepared ?? 0)
    }

    private static func unknown(_ name: String, _ version: String) -> CrypTenError {
        CrypTenError(.diverged, "\(leader) speaks of version \(version) of model \(name), which isn't served here")
    }

    private func run(
        _ name: String,
        _ version: String,
        _ candidates: [RequestTable.Candidate],
        _ statuses: [[UInt8]]
    ) async throws {
        guard let index = models[name]?.firstIndex(where: { $0.version == version }), let model = models[name]?[index]
        else {
            // It was replaced while the request came.
            requests.refuse(
                requests.withTable { $0.take(candidates.map(\.key)) },
                .notFound,
                "version \(version) of model \(name) isn't served any more: read the metadata again"
            )
            return
        }
        let choice = BatchChoice(candidates, statuses: statuses, sizes: model.settings.sizes, isAlone: !model.isBatched)
        let (taken, different) = requests.withTable { table in
            let taken = table.take(choice.accepted.map(\.key))
            let different = table.takeMismatched(choice.different.map(\.key))
            table.giveBack(candidates.map(\.key))
            table.missed(choice.missing.map(\.key), at: .now)
            return (taken, different)
        }
        requests.refuse(different, RequestTable.mismatch.code, RequestTable.mismatch.message)
        if choice.accepted.isEmpty { return }
        let isOneKind = taken.allSatisfy { $0.model == name && $0.version == version && $0.bucket == taken[0].bucket }
        guard taken.count == choice.accepted.count, isOneKind else {
            requests.refuse(taken, .restarting, "the session ended before the request ran: ask anew")
            throw CrypTenError(
                .diverged,
                "\(CellSession.leader) put requests together that can't share a run; it runs another version"
            )
        }
        guard let size = choice.size else {
            requests.refuse(
                taken,
                .tooLarge,
                "model \(name) takes \(model.settings.sizes) rows at once, not \(choice.rows)"
            )
            return
        }
        do {
            try await run(model, index, taken, choice, size)
        } catch {
            requests.refuse(
                taken,
                .restarting,
                "the session ended while the request ran: ask anew; nothing of it is used again"
            )
            throw error
        }
    }

    private func run(
        _ model: ServedModel,
        _ index: Int,
        _ taken: [AdmittedRequest],
        _ choice: BatchChoice,
        _ size: Int
    ) async throws {
        let key = ServedModel.Key(size: size, bucket: taken[0].bucket)
        guard let form = model.forms[key] else { throw CellSession.unknown(model.name, model.version) }
        let start = ContinuousClock.now
        let party = session.party.index
        let run = try await session.runOnShares(
            form.outputs,
            operands: operands(form, taken),
            for: choice.purpose(model: model.name, version: model.version)
        )
        if form.prepared > 0 { models[model.name]?[index].forms[key]?.prepared -= 1 }
        var row = 0
        for request in taken {
            let outputs = zip(model.outputs, run.shares).compactMap { output, share -> InferenceReply.Output? in
                guard request.outputs.contains(output.name) else { return nil }
                let width = share.shape.count / size
                return InferenceReply.Output(
                    name: output.name,
                    shape: [request.rows] + Array(share.shape.dimensions.dropFirst()),
                    words: Array(share.words.elements[row * width..<(row + request.rows) * width]),
                    type: output.parameters.type,
                    fractionBits: share.scale
                )
            }
            row += request.rows
            requests.finish(
                request.key,
                .success(WaitingRequests.Answer(outputs: outputs, binding: run.binding))
            )
        }
        meter.ran(
            model: model.name,
            requests: taken.count,
            rows: choice.rows,
            size: size,
            rounds: form.cost.rounds,
            bytes: form.cost.onlineBytes[party],
            seconds: (ContinuousClock.now - start).inSeconds
        )
        meter.prepared(form: model.name, size: size, models[model.name]?[index].forms[key]?.prepared ?? 0)
    }
}

extension CellSession {
    /// This party's shares of a run's inputs: the requests' rows one after another, and zeros at every party where nobody asked for any.
    private func operands(
        _ form: ServedModel.Form,
        _ taken: [AdmittedRequest]
    ) throws -> [(place: CrypTensor, share: RingTensor)] {
        var operands = form.places.map { (place: $0, share: RingTensor(zeros: $0.shape)) }
        var filled = operands.map { _ in 0 }
        for request in taken {
            try request.withWords(at: session.party.index) { place, words in
                guard operands.indices.contains(place), words.count <= operands[place].share.count - filled[place]
                else {
                    throw CrypTenError(.shapeMismatch, "a request has more words than its shapes")
                }
                operands[place].share.withMutableWords { share in
                    for (index, word) in words.enumerated() { share[filled[place] + index] = word }
                }
                filled[place] += words.count
            }
            // From here on they are the run's.
            request.share.wipe()
        }
        return operands
    }
}

extension Duration {
    var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
