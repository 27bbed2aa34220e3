import Testing

@Suite("What the tool says of itself")
struct HelpTests {
    @Test("help lists the subcommands, on stdout")
    func rootHelp() async throws {
        let run = try await Tool.run("--help")
        #expect(run.code == 0)
        #expect(run.stderr.isEmpty)
        #expect(run.stdout.hasPrefix("OVERVIEW: Secure multi-party computation for machine learning.\n"))
        #expect(run.stdout.contains("\nUSAGE: crypten <subcommand>\n"))
        for name in ["demo", "model", "infer", "train", "plan", "party", "dealer", "identity", "bench", "devices"] {
            #expect(run.stdout.contains("\n  \(name) "))
        }
    }

    @Test(
        "each subcommand's options are the documented ones",
        arguments: [
            (
                "demo",
                "USAGE: crypten demo [--parties <n>] [--dealer <local|none>] [--transfer-tree-height <2|4|8>] [--json]"
            ),
            (
                "infer",
                "USAGE: crypten infer [<options>] --model <m.onnx[@party]> --local <n>"
            ),
            ("plan", "USAGE: crypten plan [<options>] --model <m.onnx[@party]>"),
            ("plan", "--input-shape <name=1x1x28x28>"),
            ("plan", "--public <name[=x.npy]>"), ("plan", "--range <name=low..high>"), ("plan", "--fraction-bits <f>"),
            ("plan", "--secret <name>"), ("plan", "--open <name>"), ("plan", "--weight-exponents"),
            ("plan", "exchanges are waited"), ("bench", "With --dealer none"),
            ("plan", "--network <name>"), ("plan", "--threads <t>"), ("plan", "--html <file>"),
            ("plan", "2 ms; wan 400 Mbit/s, 40 ms"), ("party", "--parties <host:port,…>"),
            ("party", "--dealer <host:port|none>"), ("party", "--session <name>"),
            ("infer", "--input <[name=]x.npy[@party]>"), ("infer", "--join <[name=]rows|columns|axis>"),
            ("infer", "--key <[name=]ids.npy[:column][@party]>"), ("infer", "--receive <[name]@party|all>"),
            ("party", "--input <[name=]x.npy[@party]>"), ("party", "--join <[name=]rows|columns|axis>"),
            ("party", "--key <[name=]ids.npy[:column][@party]>"), ("party", "--receive <[name]@party|all>"),
            ("plan", "--input <[name=]x.npy[@party]>"), ("plan", "--join <[name=]rows|columns|axis>"),
            ("plan", "--key <[name=]ids.npy[:column][@party]>"), ("plan", "--receive <[name]@party|all>"),
            ("model", "USAGE: crypten model <m.onnx> [--input-shape"), ("infer", "--range <name=low..high>"),
            ("infer", "--check"),
            ("infer", "--wanted-error <part>"), ("infer", "--suggest"), ("infer", "--weight-exponents"),
            ("party", "--weight-exponents"),
            ("infer", "crypten infer --model m.onnx --input images.npy --local 2 --check"),
            ("infer", "--memory-limit <size>"), ("party", "--memory-limit <size>"), ("dealer", "--memory-limit <size>"),
            ("party", "--id <i>"), ("party", "--prepare"), ("party", "--prepared-file <file>"),
            ("party", "--insecure-plaintext"), ("dealer", "--listen <host:port>"), ("party", "--insecure-no-tls"),
            ("party", "--identity <file>"), ("dealer", "--peer-identity <i=fingerprint>"),
            ("train", "--peer-name <i=name>"),
            ("party", "--authority <[i=]ca.pem>"), ("train", "--revoked <fingerprint>"), ("bench", "--tls"),
            ("identity", "crypten identity create clinic"),
            ("dealer", "--parties <n>"), ("dealer", "--insecure-plaintext"),
            (
                "train",
                "USAGE: crypten train [<options>] --model <m.onnx@party> --input <[name=]x.npy@party> ... --labels <y.npy@party> --loss <loss> --learning-rate <rate>"
            ),
            ("train", "--join <[name=]rows>"), ("train", "--optimizer <optimizer>"), ("train", "--betas <b1,b2>"),
            ("train", "--nesterov"), ("train", "--order <rows.npy@party>"), ("train", "--freeze <name>"),
            ("train", "--validation <x=…,y=…>"), ("train", "--reveal-loss-every <k>"), ("train", "--to <party>"),
            ("train", "--losses <losses.npy>"), ("train", "--export <out.onnx@party>"), ("train", "--check"),
            ("train", "--id <i>"), ("train", "--dealer <host:port|none>"), ("infer", "--dealer <local|none>"),
            ("bench", "--dealer <local|none>"), ("plan", "--dealer <local|none>"), ("train", "--local <n>"),
            ("train", "--checkpoint-key <file>"), ("train", "--checkpoint-passphrase-file <file|->"),
            ("train", "--stream/--no-stream"), ("train", "--data-memory <size>"),
            ("party", "--transfer-tree-height <2|4|8>"), ("infer", "--transfer-tree-height <2|4|8>"),
            ("train", "--transfer-tree-height <2|4|8>"), ("plan", "--transfer-tree-height <2|4|8>"),
            ("bench", "--transfer-tree-height <2|4|8>"),
            ("party", "--slab-bits <b>"), ("infer", "--slab-bits <b>"), ("train", "--slab-bits <b>"),
            ("plan", "--slab-bits <b>"), ("bench", "--slab-bits <b>"),
            ("plan", "--device <device>"), ("plan", "--device-profile <file>"), ("train", "--device-profile <file>"),
            ("plan", "crypten bench kernels --device cuda --write card.json"), ("bench", "--write <file>"),
            ("bench", "crypten bench kernels --device cuda --write card.json"),
        ]
    )
    func subcommandHelp(name: String, line: String) async throws {
        let run = try await Tool.run(name, "--help")
        #expect(run.code == 0)
        #expect(run.stdout.contains(line))
        #expect(run.stderr.isEmpty)
        #expect(!run.stdout.contains("supervised"))
    }

    @Test("bench explains itself and names its workloads")
    func bench() async throws {
        let help = try await Tool.run("bench", "--help")
        #expect(help.code == 0)
        #expect(help.stdout.contains("USAGE: crypten bench [<options>] [<workload> ...]"))
        #expect(help.stdout.contains("crypten bench relu_1m lenet_b1"))
        #expect(!help.stdout.contains("bench-party"))
        let list = try await Tool.run("bench", "--list")
        #expect(list.code == 0)
        let names = list.stdout.split(separator: "\n").compactMap { $0.split(separator: " ").first }
        #expect(names.contains("resnet18_b1") && names.contains("roundtrip") && names.contains("kernels"))
        let unknown = try await Tool.run("bench", "frobnicate")
        #expect(unknown.code == 64)
        #expect(
            unknown.stderr.contains("error: there is no workload 'frobnicate'; crypten bench --list names them all")
        )
    }

    @Test(
        "what it doesn't know ends with 64 and one message, and nothing on stdout",
        arguments: [
            (["frobnicate"], "error: Unexpected argument 'frobnicate'"),
            (["demo", "--bogus"], "error: Unknown option '--bogus'"),
            (["demo", "--parties", "1"], "error: --parties 1: choose 2 to 64 parties"),
            (["demo", "--parties", "two"], "error: The value 'two' is invalid for '--parties <n>'"),
            (
                ["infer", "--model", "m.onnx", "--input", "x.npy", "--output-dir", "o", "--local", "1"],
                "error: --local 1: choose 2 to 64 parties"
            ),
            (
                ["infer", "--input", "x.npy", "--output-dir", "o", "--local", "2"],
                "error: Missing expected argument '--model <m.onnx[@party]>'"
            ),
            (
                [
                    "infer", "--model", "m", "--input", "x", "--output-dir", "o", "--local", "2", "--fraction-bits",
                    "40",
                ],
                "error: --fraction-bits 40: choose 4 to 28"
            ),
            (["plan", "--model", "m", "--slab-bits", "11"], "error: --slab-bits 11: choose 12 to 20"),
            (
                ["party", "--id", "1", "--model", "m", "--slab-bits", "x"],
                "error: The value 'x' is invalid for '--slab-bits <b>'"
            ),
            (
                ["plan", "--model", "m", "--input-shape", "x=3x4x"],
                "error: The value 'x=3x4x' is invalid for '--input-shape <name=1x1x28x28>'"
            ),
            (
                ["plan", "--model", "m", "--network", "moon"],
                "error: The value 'moon' is invalid for '--network <name>': choose loop, lan, metro, wan, poor, or a speed and a round trip, as 1Gbit/10ms or 50Mbit/0.5ms"
            ),
            (
                ["plan", "--model", "m", "--network", "0Mbit/10ms"],
                "error: The value '0Mbit/10ms' is invalid for '--network <name>': choose loop, lan, metro, wan, poor, or a speed and a round trip, as 1Gbit/10ms or 50Mbit/0.5ms"
            ),
            (
                ["plan", "--model", "m", "--threads", "2"],
                "error: --threads says how a time is predicted: give --network, too"
            ),
            (
                [
                    "party", "--id", "0", "--parties", "127.0.0.1:1,127.0.0.1:2", "--dealer", "127.0.0.1:3",
                    "--session", "s", "--prepared-file", "f",
                ],
                "error: --prepared-file belongs to party 1, the last, and this is party 0"
            ),
            (["dealer", "--parties", "2"], "error: --listen is missing: where parties find the dealer"),
        ]
    )
    func usageErrors(arguments: [String], message: String) async throws {
        let run = try await Tool.run(arguments)
        #expect(run.code == 64)
        #expect(run.stdout.isEmpty)
        #expect(run.lastLine == message)
    }

    private static let trainingErrors: [([String], String)] = [
        ([], "error: give --local, to start all parties here, or --id, to be one of them"),
        (["--local", "1"], "error: --local 1: choose 2 to 64 parties"),
        (["--local", "2", "--learning-rate", "nan"], "error: --learning-rate nan: choose 0 to 65536"),
        (["--local", "2", "--momentum", "1"], "error: --momentum 1.0: choose from 0 to less than 1"),
        (["--local", "2", "--nesterov"], "error: --nesterov needs a --momentum, and no --dampening"),
        (["--local", "2", "--betas", "0.9,0.99"], "error: --betas is no number of sgd: leave it out"),
        (
            ["--local", "2", "--optimizer", "adam", "--momentum", "0.9"],
            "error: --momentum is no number of adam: leave it out"
        ),
        (
            ["--local", "2", "--optimizer", "adam", "--betas", "0.9"],
            "error: The value '0.9' is invalid for '--betas <b1,b2>'"
        ),
        (["--local", "2", "--batch-size", "0"], "error: --batch-size 0: choose 1 or more"),
        (["--local", "2", "--epochs", "0"], "error: --epochs 0: choose 1 to 1000000"),
        (
            ["--local", "2", "--loss-scale", "0"],
            "error: --loss-scale 0.0: choose 2^-10 to 2^20; powers of two lose nothing"
        ),
        (["--local", "2", "--reveal-loss-every", "0"], "error: --reveal-loss-every 0: choose 1 or more"),
        (
            ["--local", "2", "--order", "o", "--batch-size", "4"],
            "error: --order says how many rows a step takes: leave out --batch-size"
        ),
        (["--local", "2", "--to", "2"], "error: --to 2: there are parties 0 to 1"),
        (["--local", "2", "--input", "z=z.npy@2"], "error: --input z=z.npy@2: there are parties 0 to 1"),
        (["--local", "2", "--labels", "y.npy"], "error: --labels y.npy: say which party has it, as in y.npy@0"),
        (
            ["--local", "2", "--join", "x=sideways"],
            "error: The value 'x=sideways' is invalid for '--join <[name=]rows>'"
        ),
        (["--local", "2", "--validation", "x=t.npy"], "error: --validation has no labels: add y=FILE.npy"),
        (
            ["--local", "2", "--input", "y=b.npy@0", "--validation", "x=t.npy,y=u.npy"],
            "error: --validation has no labels: add labels=FILE.npy"
        ),
        (
            ["--local", "2", "--initial-accumulator", "0.5"],
            "error: --initial-accumulator is no number of sgd: leave it out"
        ),
        (
            ["--local", "2", "--optimizer", "adagrad", "--schedule", "one-cycle:0.85:0.95"],
            "error: --schedule one-cycle:0.85:0.95 changes momentum, and adagrad has none"
        ),
        (
            ["--local", "2", "--schedule", "one-cycle:0.95:0.85"],
            "error: The value 'one-cycle:0.95:0.85' is invalid for '--schedule <schedule>'"
        ),
        (["--local", "2", "--export", "o.onnx"], "error: --export o.onnx: say which party has it, as in o.onnx@0"),
        (["--local", "2", "--export", "o.onnx@0", "--export", "o.onnx@1"], "error: --export names o.onnx twice"),
        (
            ["--local", "2", "--weight-exponents"],
            "error: --weight-exponents is for inference: weights that are trained have 24 fraction bits"
        ),
        (
            [
                "--check", "--id", "0", "--parties", "127.0.0.1:1,127.0.0.1:2", "--dealer", "127.0.0.1:3", "--session",
                "s",
            ], "error: --check trains in this one process: give --local"
        ),
    ]

    @Test("training that can't be meant ends with 64 before a file is read", arguments: trainingErrors)
    func refusedTraining(more: [String], message: String) async throws {
        let run = try await Tool.run(
            [
                "train", "--model", "m@1", "--input", "x=x@0", "--labels", "y@1", "--loss", "mse", "--learning-rate",
                "1",
            ] + more
        )
        #expect(run.code == 64)
        #expect(run.stdout.isEmpty)
        #expect(run.lastLine == message)
    }
}
