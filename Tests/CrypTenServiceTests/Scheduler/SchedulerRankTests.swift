import CrypTenBase
import CrypTenService
import Testing

@Suite("What schedulers say of their ranks")
struct SchedulerRankTests {
    // MARK: Lists of hosts

    /// Lists, and what `scontrol show hostnames` makes of them.
    static let lists: [(list: String, hosts: [String])] = [
        ("login1", ["login1"]),
        ("a,b.example,c-3", ["a", "b.example", "c-3"]),
        ("tux[0-3]", ["tux0", "tux1", "tux2", "tux3"]),
        ("tux[8-10,12]", ["tux8", "tux9", "tux10", "tux12"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("n[098-101]", ["n098", "n099", "n100", "n101"]),
        ("n[1,3],m2,k[5-6].hpc", ["n1", "n3", "m2", "k5.hpc", "k6.hpc"]),
        ("rack[1-2]n[01-02]", ["rack1n01", "rack1n02", "rack2n01", "rack2n02"]),
    ]

    @Test("a list names its hosts in their order", arguments: lists.indices)
    func hosts(_ index: Int) throws {
        let (list, hosts) = Self.lists[index]
        #expect(try NodeList.hosts(list, variable: "V") == hosts)
    }

    @Test(
        "what is no list is refused, and so is one of too many hosts",
        arguments: [
            "", "a,", ",a", "n[1-", "n[1-3", "n]1", "n[]", "n[3-1]", "n[1-2-3]", "n[a-b]", "n[[1-2]]", "n[-1]", "n[1,]",
            "a b", "a;b",
            "n[0-99999999]", "n[0-9999]m[0-9999]", "n[1-9999999999]", "ü",
        ]
    )
    func noHosts(_ list: String) {
        let error = #expect(throws: CrypTenError.self) { try NodeList.hosts(list, variable: "SLURM_STEP_NODELIST") }
        #expect(error?.code == .invalidArgument && error?.message.contains("SLURM_STEP_NODELIST") == true)
    }

    @Test("tasks are counted host by host")
    func tasks() throws {
        #expect(try NodeList.tasks("3", variable: "V") == [3])
        #expect(try NodeList.tasks("2(x3),1", variable: "V") == [2, 2, 2, 1])
        #expect(try NodeList.tasks("1,4(x2),2(x1)", variable: "V") == [1, 4, 4, 2])
        for list in ["", "2(x", "2(3)", "(x2)", "2(x0)", "2(x-1)", "x", "1,,2", "2(x99999999)", "99999999999"] {
            #expect(throws: CrypTenError.self, "\(list)") { try NodeList.tasks(list, variable: "V") }
        }
    }

    // MARK: Ranks

    private static func slurm(_ rank: Int, _ more: [String: String] = [:]) -> [String: String] {
        [
            "SLURM_PROCID": "\(rank)", "SLURM_NTASKS": "5", "SLURM_STEP_NUM_TASKS": "5", "SLURM_JOB_ID": "71",
            "SLURM_STEP_ID": "2", "SLURM_JOB_NODELIST": "n[1-9]", "SLURM_STEP_NODELIST": "n[1-2],m7",
            "SLURM_STEP_TASKS_PER_NODE": "2(x2),1", "SLURM_NODEID": "\(min(rank / 2, 2))",
        ].merging(more) { $1 }
    }

    @Test("srun's ranks stand host by host")
    func srun() throws {
        for rank in 0..<5 {
            let said = try SchedulerRank(environment: Self.slurm(rank))
            #expect(said.scheduler == .slurm && said.rank == rank && said.size == 5)
            #expect(said.hosts == ["n1", "n1", "n2", "n2", "m7"] && said.job == "slurm 71.2")
        }
    }

    @Test("all ranks on one host are this machine's")
    func oneHost() throws {
        let one = ["SLURM_STEP_NODELIST": "n1", "SLURM_STEP_TASKS_PER_NODE": "5", "SLURM_NODEID": "0"]
        let loopback = Array(repeating: "127.0.0.1", count: 5)
        #expect(try SchedulerRank(environment: Self.slurm(3, one)).hosts == loopback)
    }

    @Test(
        "ranks that stand otherwise are refused",
        arguments: [
            ["SLURM_NODEID": "2"], ["SLURM_NODEID": "7"], ["SLURM_DISTRIBUTION": "cyclic"],
            ["SLURM_DISTRIBUTION": "plane=2"], ["SLURM_STEP_TASKS_PER_NODE": "2(x2)"],
            ["SLURM_STEP_TASKS_PER_NODE": "2(x3)"],
        ]
    )
    func elsewhere(_ more: [String: String]) {
        #expect(throws: CrypTenError.self) { try SchedulerRank(environment: Self.slurm(0, more)) }
    }

    private static let torchrun = [
        "RANK": "1", "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "3", "MASTER_ADDR": "gpu1", "MASTER_PORT": "29500",
        "TORCHELASTIC_RUN_ID": "none",
    ]

    @Test("torchrun's ranks are this machine's where it says so, and nowhere known otherwise")
    func torchrun() throws {
        let said = try SchedulerRank(environment: Self.torchrun)
        #expect(said.scheduler == .torchrun && said.rank == 1 && said.size == 3 && said.masterPort == 29500)
        #expect(said.hosts == ["127.0.0.1", "127.0.0.1", "127.0.0.1"] && said.job == "torchrun none")
        var several = Self.torchrun
        several["LOCAL_WORLD_SIZE"] = "1"
        #expect(try SchedulerRank(environment: several).hosts == nil)
        several["LOCAL_WORLD_SIZE"] = nil
        #expect(try SchedulerRank(environment: several).hosts == nil)
        several["MASTER_ADDR"] = "127.0.0.1"
        #expect(try SchedulerRank(environment: several).hosts?.count == 3)
    }

    @Test("Slurm knows the hosts of ranks whose variables its tasks have set themselves, and of no others")
    func both() throws {
        var several = Self.slurm(3).merging(Self.torchrun) { $1 }
        (several["LOCAL_WORLD_SIZE"], several["RANK"], several["WORLD_SIZE"]) = ("1", "3", "5")
        let said = try SchedulerRank(environment: several)
        #expect(said.scheduler == .torchrun && said.hosts == ["n1", "n1", "n2", "n2", "m7"])
        several["RANK"] = "2"
        #expect(try SchedulerRank(environment: several).hosts == nil)
    }

    @Test("Open MPI's ranks are this machine's where all are")
    func openMPI() throws {
        var variables = [
            "OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_LOCAL_SIZE": "3",
            "PMIX_NAMESPACE": "1232797697", "SLURM_PROCID": "0", "SLURM_NTASKS": "1",
        ]
        let said = try SchedulerRank(environment: variables)
        #expect(said.scheduler == .openMPI && said.rank == 2 && said.size == 3 && said.job == "mpirun 1232797697")
        #expect(said.hosts == ["127.0.0.1", "127.0.0.1", "127.0.0.1"])
        variables["OMPI_COMM_WORLD_LOCAL_SIZE"] = "2"
        #expect(try SchedulerRank(environment: variables).hosts == nil)
    }

    @Test("what nobody has started, or says what can't be, is refused with the variable")
    func refused() {
        let wrong: [([String: String], String)] = [
            ([:], "SLURM_PROCID"), (["RANK": "0"], "WORLD_SIZE"), (["RANK": "x", "WORLD_SIZE": "2"], "RANK"),
            (["RANK": "-1", "WORLD_SIZE": "2"], "RANK"), (["RANK": "2", "WORLD_SIZE": "2"], "rank 2 of 2"),
            (["RANK": "0", "WORLD_SIZE": "999999999999999999999"], "WORLD_SIZE"),
            (["OMPI_COMM_WORLD_RANK": "0"], "OMPI_COMM_WORLD_SIZE"), (["SLURM_PROCID": "0"], "SLURM_NTASKS"),
        ]
        for (variables, word) in wrong {
            let error = #expect(throws: CrypTenError.self) { try SchedulerRank(environment: variables) }
            #expect(error?.code == .invalidArgument && error?.message.contains(word) == true, "\(variables)")
        }
    }
}
