import ArgumentParser
import Foundation

/// Where a party keeps what training goes on from.
struct CheckpointOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Keep this party's shares of weights and optimiser in this folder, for --resume.",
            discussion:
                "The folders of all parties together are the network: each keeps its own where the others can't read.",
            valueName: "dir"
        )
    )
    var checkpoint: String?

    @Option(
        name: .long,
        help: ArgumentHelp("After how many steps; without this after each epoch.", valueName: "steps")
    )
    var checkpointEvery: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Seal checkpoints with the bytes of this file, 16 or more, which only its owner may read.",
            valueName: "file"
        )
    )
    var checkpointKey: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Seal checkpoints with the passphrase in this file or pipe, 8 bytes or more on one line; - asks at the terminal.",
            discussion: "A key is made of it by scrypt, which takes half a second and 128 MiB, for each guess, too.",
            valueName: "file|-"
        )
    )
    var checkpointPassphraseFile: String?

    @Flag(name: .long, help: "Go on from the newest checkpoint that all parties have; where there is none, begin.")
    var resume = false

    func validate() throws {
        if checkpoint == nil,
            checkpointEvery != nil || checkpointKey != nil || checkpointPassphraseFile != nil || resume
        {
            throw ValidationError(
                """
                --checkpoint is missing: the folder that --resume, --checkpoint-every, --checkpoint-key and --checkpoint-passphrase-file \
                are about
                """
            )
        }
        if checkpointKey != nil, checkpointPassphraseFile != nil {
            throw ValidationError("give --checkpoint-key or --checkpoint-passphrase-file, not both")
        }
        if let checkpointEvery, checkpointEvery < 1 {
            throw ValidationError("--checkpoint-every \(checkpointEvery): choose 1 or more")
        }
    }

    /// What was asked for.
    var checkpoints: Training.Checkpoints? {
        checkpoint.map {
            Training.Checkpoints(directory: $0, every: checkpointEvery, resumes: resume, keyFile: checkpointKey)
        }
    }

    /// The passphrase, asked for or read, where there is one: twice at a terminal where it isn't to open anything.
    func passphrase() async throws -> Data? {
        guard let checkpointPassphraseFile else { return nil }
        return try await PassphraseInput.read(checkpointPassphraseFile, twice: !resume)
    }

    /// The same for another process, which is handed the passphrase in another way.
    var arguments: [String] {
        (checkpoint.map { ["--checkpoint", $0] } ?? [])
            + (checkpointEvery.map { ["--checkpoint-every", "\($0)"] } ?? [])
            + (checkpointKey.map { ["--checkpoint-key", $0] } ?? []) + (resume ? ["--resume"] : [])
    }
}
