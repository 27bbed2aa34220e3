internal import CrypTenBase
internal import CrypTenExpressions
public import CrypTenRuntime
public import Foundation

/// A folder in which a party keeps its shares of a training, so that all parties go on where they were.
///
/// Every party has a store of its own, on its own disk, and calls the same functions with its own session.
///
/// ```swift
/// let store = try CheckpointStore(directory: folder)
/// if let header = try await store.newest(on: session) {                       // resume
///     let state = try await store.load(header, on: session)
///     try state.restore(&model, &optimizer)
/// } else {
///     try await session.initialize(&model, owner: .party(1))
/// }
/// …
/// try await store.save(TrainingState(of: model, optimizer, epoch: epoch), on: session)
/// ```
///
/// A checkpoint is written aside, put on the disk, and given its name; the one before it stays, and what is older goes once all parties
/// have the new one. So whichever process is killed at whichever moment, all have one that goes together. Each has a number that was drawn for
/// it: shares of two checkpoints, though of one step, are never added up.
///
/// > Important: A file holds one party's shares, and no key, mask or seed. The files of all parties together are the network: each keeps its own
/// > where the others can't read, or sealed. They are readable for their owner alone.
public actor CheckpointStore {
    /// Where the files are.
    public nonisolated let directory: URL
    /// What was wrong with files that ``newest(on:)`` has passed over.
    public private(set) var damaged: [CrypTenError] = []

    private let key: CheckpointKey?
    /// The training whose checkpoints are made.
    private var training: String?
    /// The newest checkpoint that all parties have, and its file here.
    private var last: (header: CheckpointHeader, file: String)?

    /// A store in a folder, which is made where there is none.
    ///
    /// - Parameter key: Seals what is written and opens what is read; each party has its own, or none.
    /// - Throws: `.fileNotReadable` where there is no folder and none can be made.
    public init(directory: URL, key: CheckpointKey? = nil) throws {
        (self.directory, self.key) = (directory, key)
        do {
            try FileManager.default.createDirectory(
                at: directory,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw CrypTenError(
                .fileNotReadable,
                "\(directory.relativePath): checkpoints can't be kept there",
                cause: error
            )
        }
    }

    // MARK: Saving

    /// Begins a new training, whose checkpoints come into this folder.
    ///
    /// ``save(_:on:)`` does it where nothing was begun or resumed; who calls it before the first step finds out before.
    ///
    /// - Throws: `.wrongSession` at a party whose folder holds its checkpoints of another training, and `.partyFailed` at the others; the
    ///   session lives.
    /// - Complexity: some bytes to each other party, no round.
    public func begin(on session: Session) async throws {
        let party = session.party.index
        let isFree = Result<[UInt8], any Error> { [self] in
            guard let file = try files().first(where: { CheckpointFile.Name($0)?.party == party }) else { return [] }
            throw CrypTenError(
                .wrongSession,
                "\(directory.relativePath) holds checkpoints of another training (\(file)): resume it, or give an empty folder"
            )
        }
        _ = try await session.tellEachOther(isFree, refusing: .malformedFile)
        training = try await CheckpointStore.number(on: session)
        last = nil
    }

    /// Saves a state, and returns when all parties' shares of it are on their disks.
    ///
    /// What is public of the network isn't saved: the program has it.
    ///
    /// - Throws: before anything is written `.invalidArgument` for a tensor that the session doesn't keep; `.diverged` where the parties save
    ///   different things, naming the first. `.fileNotReadable` at a party that can't write, and `.partyFailed` at the others: the session
    ///   lives, and earlier checkpoints are there. As ``begin(on:)``.
    /// - Complexity: no round; some hundred bytes to each other party, which count in no total. 8 bytes an element on the disk, for two checkpoints.
    public func save(_ state: TrainingState, on session: Session) async throws {
        for (_, tensor) in state.tensors { if let error = tensor.error { throw error } }
        let stored = state.tensors.filter { $0.tensor.visibility == .secret }
        var shares = try await session.shares(of: stored)
        defer { for index in shares.indices { shares[index].wipe() } }
        let isNew = training == nil
        if isNew { try await begin(on: session) }
        guard let training else { preconditionFailure("a training was begun") }
        let forms = shares.map { (name: $0.name, value: $0.form) }
        let publicNames = state.tensors.filter { $0.tensor.visibility == .public }.map(\.name)
        var header = CheckpointHeader(
            training: training,
            save: "",
            generation: (last?.header.generation ?? 0) + 1,
            stepCount: state.stepCount,
            epoch: state.epoch,
            orderSeed: state.orderSeed,
            summary: state.summary,
            notes: state.notes,
            fractionBits: session.configuration.fractionBits,
            partyCount: session.partyCount,
            form: DurableFile.digest(of: try JSONEncoder().encode(forms.map { [$0.name, $0.value] }))
        )
        try await session.agree(
            on: header.items + forms + publicNames.map { ($0, "public") },
            in: "what this checkpoint holds"
        )
        header.save = try await CheckpointStore.number(on: session)
        let file = CheckpointFile(header: header, party: session.party.index, publicNames: publicNames, shares: shares)
        let written = Result { try file.write(to: directory, sealedWith: key) }
        _ = try await session.tellEachOther(written.map { _ in [] }, refusing: .unreadableFile)
        let name = try written.get()
        prune(keeping: [name] + (last.map { [$0.file] } ?? []))
        last = (header, name)
    }

    /// Removes this party's other files of the training: all parties have a newer one.
    private func prune(keeping names: [String]) {
        let kept = names.compactMap { CheckpointFile.Name($0) }
        // What can't be removed stays, and does no harm.
        for file in (try? files()) ?? [] where !names.contains(file) {
            guard let name = CheckpointFile.Name(file),
                kept.contains(where: { $0.party == name.party && $0.training == name.training })
            else { continue }
            try? FileManager.default.removeItem(at: directory.appendingPathComponent(file))
        }
    }

    // MARK: Resuming

    /// The newest checkpoint that all parties have whole; ``save(_:on:)`` goes on from it.
    ///
    /// - Returns: Nil where no party has any.
    /// - Throws: at every party, where the session lives: `.wrongSession` for checkpoints of different trainings, of other parties, another number of
    ///   them, or other fraction bits; `.fileNotReadable` where one party has none, or there is none that all have; `.invalidArgument` for a
    ///   key that opens none. Where one party alone finds out, it throws that, and the others `.partyFailed`.
    /// - Complexity: reads this party's files; some hundred bytes to each other party.
    public func newest(on session: Session) async throws -> CheckpointHeader? {
        let found = Result { try whole(for: session) }
        let told = found.flatMap { found in Result { [UInt8](try JSONEncoder().encode(found.map(\.header))) } }
        let lists = try await session.tellEachOther(told, refusing: .malformedFile).enumerated().map { party, bytes in
            guard bytes.count <= 1 << 24,
                let list = try? JSONDecoder().decode([CheckpointHeader].self, from: Data(bytes))
            else {
                throw CrypTenError(.malformedFrame, "\(PartyID(party)) said of its checkpoints what can't be read")
            }
            return list
        }
        guard let newest = try CheckpointHeader.newest(inAll: lists) else { return nil }
        guard let file = try found.get().first(where: { $0.header == newest }) else {
            preconditionFailure("what all parties have this one has")
        }
        (training, last) = (newest.training, file)
        return newest
    }

    /// Puts a checkpoint's values into a session.
    ///
    /// - Parameter header: What ``newest(on:)`` has found.
    /// - Throws: `.malformedFile` or `.fileNotReadable` at a party whose file was damaged since, and `.partyFailed` at the others; the session
    ///   lives. Otherwise as ``Session/hold(_:)``.
    /// - Complexity: no round and no bytes for what was kept as shares, as parameters, moments and statistics are; of what was kept masked, as
    ///   weights that no step changes, one round of 8 bytes an element, counted as setup.
    public func load(_ header: CheckpointHeader, on session: Session) async throws -> TrainingState {
        try await load(header, on: session) { _ in }
    }

    /// Puts a checkpoint's values into a session, if it is of a network.
    ///
    /// - Throws: `.wrongSession`, before anything is restored, where it is of another network; as ``load(_:on:)``.
    public func load(
        _ header: CheckpointHeader,
        for model: some Module,
        on session: Session
    ) async throws -> TrainingState {
        try await load(header, on: session) { file in
            let stored = file.shares.compactMap { share in
                TrainingState.networkName(share.name).map { (name: $0, shape: share.shape) }
            }
            let publicNames = file.publicNames.compactMap { TrainingState.networkName($0) }
            try TrainingState.check(stored, Set(publicNames), against: model)
        }
    }

    private func load(
        _ header: CheckpointHeader,
        on session: Session,
        _ check: (CheckpointFile) throws -> Void
    ) async throws -> TrainingState {
        let read = Result { () throws -> CheckpointFile in
            guard let last, last.header == header else {
                throw CrypTenError(.invalidArgument, "only the checkpoint that newest(on:) has found can be loaded")
            }
            let file = try CheckpointFile(last.file, in: directory, sealedWith: key)
            guard file.header == header else {
                throw CrypTenError(.malformedFile, "\(directory.relativePath)/\(last.file): it was exchanged")
            }
            try check(file)
            return file
        }
        _ = try await session.tellEachOther(read.map { _ in [] }, refusing: .malformedFile)
        let file = try read.get()
        let tensors = try await session.restore(file.shares)
        return TrainingState(header, zip(file.shares.map(\.name), tensors), publicNames: file.publicNames)
    }

    /// This party's whole checkpoints, and their files.
    private func whole(for session: Session) throws -> [(header: CheckpointHeader, file: String)] {
        damaged = []
        let party = session.party.index
        let files = try files()
        let own = files.filter { CheckpointFile.Name($0)?.party == party }
        if own.isEmpty, let other = files.compactMap({ CheckpointFile.Name($0)?.party }).min() {
            throw CrypTenError(
                .wrongSession,
                "\(directory.relativePath) holds checkpoints of \(PartyID(other)) and none of \(PartyID(party)); give this party's own folder"
            )
        }
        return try own.compactMap { name in
            let file: CheckpointFile
            do {
                file = try CheckpointFile(name, in: directory, sealedWith: key)
            } catch let error as CrypTenError where [.malformedFile, .fileNotReadable].contains(error.code) {
                damaged.append(error)
                return nil
            }
            try check(file.header, name, session)
            return (file.header, name)
        }
    }

    private func check(_ header: CheckpointHeader, _ name: String, _ session: Session) throws {
        func differs(_ what: String, _ there: Int, _ here: Int) -> CrypTenError {
            CrypTenError(
                .wrongSession,
                "\(directory.relativePath)/\(name) was made with \(there) \(what), and this session has \(here); resume with \(there)"
            )
        }
        guard header.partyCount == session.partyCount else {
            throw differs("parties", header.partyCount, session.partyCount)
        }
        let fractionBits = session.configuration.fractionBits
        guard header.fractionBits == fractionBits else {
            throw differs("fraction bits", header.fractionBits, fractionBits)
        }
    }

    // MARK: Files and numbers

    /// The names of what is in the folder, in order.
    private func files() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        } catch {
            throw CrypTenError(.fileNotReadable, "\(directory.relativePath): the folder can't be read", cause: error)
        }
    }

    /// 16 bytes that party 0 has drawn, in hexadecimal.
    private static func number(on session: Session) async throws -> String {
        let bytes = try await session.broadcast(from: .party(0)) {
            var generator = SystemRandomNumberGenerator()
            return (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        guard bytes.count == 16 else {
            throw CrypTenError(
                .malformedFrame,
                "\(PartyID(0)) sent \(bytes.count) bytes where it names a checkpoint with 16"
            )
        }
        return bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}

extension CheckpointHeader {
    /// What parties compare before they write it.
    fileprivate var items: [(name: String, value: String)] {
        [
            ("training", training), ("generation", String(generation)), ("step", String(stepCount)),
            ("epoch", String(epoch)), ("order seed", String(orderSeed)), ("summary", summary),
        ] + notes.sorted { $0.key < $1.key }.map { ("note \($0.key)", $0.value) }
    }
}
