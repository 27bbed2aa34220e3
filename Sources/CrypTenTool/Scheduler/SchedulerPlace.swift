import ArgumentParser

/// What ``SchedulerFlags`` has taken out of the arguments before they are read: here for `--help`.
struct SchedulerPlace: ParsableArguments {
    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Be the member that this process's rank says: torchrun, mpirun or srun has started one process for each.",
            discussion:
                "All have one command line, of which each takes what is for it. With --cluster, parties are the file's in its order."
        )
    )
    var fromEnvironment = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --from-environment, which rank is the dealer; the others are parties, in their order.",
            valueName: "last|rank"
        )
    )
    var dealerRank: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --from-environment, the port of rank 0; each further rank has the next. Without it MASTER_PORT + 1, or one that the job's number gives.",
            valueName: "port"
        )
    )
    var basePort: String?
}
