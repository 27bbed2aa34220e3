import CrypTenBase

/// One of the processes that a scheduler has started with one command line: which of them, of how many, and where all of them are.
///
/// `torchrun`, Open MPI's `mpirun` and Slurm's `srun` say it in variables. Where one has started another, the inner one counts: torchrun's
/// variables before Open MPI's, and these before Slurm's.
package struct SchedulerRank: Sendable, Equatable {
    package enum Scheduler: String, Sendable {
        case torchrun
        case openMPI = "Open MPI"
        case slurm = "Slurm"
    }

    package var scheduler: Scheduler
    package var rank: Int
    package var size: Int
    /// The host of each rank, this machine as 127.0.0.1 where all are here; nil where nothing says it.
    package var hosts: [String]?
    /// `MASTER_PORT`: a port of the first host that the job's programs have agreed on, and that may be taken by now.
    package var masterPort: Int?
    /// A name that all ranks of the job have, and no other job.
    package var job: String?

    private static let loopback = "127.0.0.1"

    /// - Throws: `.invalidArgument` where no scheduler has started this, or where what it says can't be.
    package init(environment: [String: String]) throws {
        let variables = SchedulerVariables(environment)
        if variables["RANK"] != nil, variables["WORLD_SIZE"] != nil {
            (scheduler, rank, size) = (.torchrun, try variables.number("RANK"), try variables.number("WORLD_SIZE"))
            job = variables["TORCHELASTIC_RUN_ID"].map { "torchrun \($0)" }
            let isHere =
                try variables["LOCAL_WORLD_SIZE"].map { _ in try variables.number("LOCAL_WORLD_SIZE") == size }
                ?? variables["MASTER_ADDR"].map(ClusterFile.isLoopback) ?? false
            if isHere { hosts = Array(repeating: SchedulerRank.loopback, count: size) }
        } else if variables["OMPI_COMM_WORLD_RANK"] != nil {
            (scheduler, rank) = (.openMPI, try variables.number("OMPI_COMM_WORLD_RANK"))
            size = try variables.number("OMPI_COMM_WORLD_SIZE")
            job = (variables["PMIX_NAMESPACE"] ?? variables["OMPI_MCA_ess_base_jobid"]).map { "mpirun \($0)" }
            if try variables["OMPI_COMM_WORLD_LOCAL_SIZE"] != nil
                && variables.number("OMPI_COMM_WORLD_LOCAL_SIZE") == size
            {
                hosts = Array(repeating: SchedulerRank.loopback, count: size)
            }
        } else if variables["SLURM_PROCID"] != nil {
            (scheduler, rank, size) = (.slurm, try variables.number("SLURM_PROCID"), try variables.slurmSize())
        } else {
            throw CrypTenError(
                .invalidArgument,
                "no scheduler has started this process: none of RANK and WORLD_SIZE (torchrun), OMPI_COMM_WORLD_RANK (Open MPI) and "
                    + "SLURM_PROCID (srun) is set"
            )
        }
        guard (1...NodeList.most).contains(size), (0..<size).contains(rank) else {
            throw CrypTenError(.invalidArgument, "\(scheduler.rawValue) says that this is rank \(rank) of \(size)")
        }
        masterPort = try variables["MASTER_PORT"].map { _ in try variables.number("MASTER_PORT") }
        // Slurm knows the hosts also where its tasks have set the other's variables themselves: then it says the same rank and size.
        let isSlurms =
            try scheduler == .slurm
            || (variables["SLURM_PROCID"] != nil && variables.number("SLURM_PROCID") == rank
                && variables.slurmSize() == size)
        if isSlurms {
            if hosts == nil { hosts = try variables.slurmHosts(rank: rank, size: size) }
            if job == nil {
                job = variables["SLURM_JOB_ID"].map { "slurm \($0).\(variables["SLURM_STEP_ID"] ?? "0")" }
            }
        }
        if let hosts, Set(hosts).count == 1 {
            self.hosts = Array(repeating: SchedulerRank.loopback, count: size)
        }
    }
}

/// The variables of a scheduler, as numbers and hosts.
private struct SchedulerVariables {
    private let environment: [String: String]

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    /// nil also for one that is empty.
    subscript(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    func number(_ name: String) throws -> Int {
        guard let text = self[name] else {
            throw CrypTenError(.invalidArgument, "\(name) isn't set, though other variables of the scheduler are")
        }
        guard text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else {
            throw CrypTenError(.invalidArgument, "\(name)=\(text.prefix(40)): a number from 0 is wanted")
        }
        return number
    }

    /// How many tasks the step has, and not the job.
    func slurmSize() throws -> Int {
        try number(self["SLURM_STEP_NUM_TASKS"] == nil ? "SLURM_NTASKS" : "SLURM_STEP_NUM_TASKS")
    }

    /// The host of each of a step's ranks, which Slurm places host by host unless it was told otherwise; nil where it doesn't say.
    func slurmHosts(rank: Int, size: Int) throws -> [String]? {
        guard
            let list = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"].first(where: { self[$0] != nil }
            ),
            let names = self[list]
        else { return nil }
        let hosts = try NodeList.hosts(names, variable: list)
        if hosts.count == 1 { return Array(repeating: hosts[0], count: size) }
        guard
            let counts = ["SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"].first(where: { self[$0] != nil }),
            let text = self[counts]
        else { return nil }
        let tasks = try NodeList.tasks(text, variable: counts)
        guard tasks.count == hosts.count, tasks.reduce(0, +) == size else {
            throw CrypTenError(
                .invalidArgument,
                "\(list) names \(hosts.count) hosts, and \(counts) says \(tasks.reduce(0, +)) tasks on \(tasks.count): that isn't where "
                    + "\(size) ranks are"
            )
        }
        let placed = zip(hosts, tasks).flatMap { host, count in Array(repeating: host, count: count) }
        let order = self["SLURM_DISTRIBUTION"].map { $0.prefix { $0 != ":" && $0 != "," } } ?? "block"
        let isElsewhere = try self["SLURM_NODEID"].map { _ in
            let node = try number("SLURM_NODEID")
            return node >= hosts.count || hosts[node] != placed[rank]
        }
        guard ["block", "*"].contains(order), isElsewhere != true else {
            throw CrypTenError(
                .invalidArgument,
                "Slurm hasn't placed the ranks host by host: start them with srun --distribution=block, or name the members in a cluster file"
            )
        }
        return placed
    }
}
