import ArgumentParser
import CrypTen
import CrypTenBase
import CrypTenRing
import Foundation

/// The command line: subcommands parse and print, the work is done elsewhere.
struct Crypten: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crypten",
        abstract: "Secure multi-party computation for machine learning.",
        discussion: """
            Several parties compute on data and models that none of them can see. Results go to stdout, everything else to \
            stderr; the exit code is 0 when all went well, 64 for a command line that isn't understood, 1 for anything else, and \
            130 after Ctrl-C, which ends all processes of a run.
            """,
        version: CrypTenVersion.text,
        subcommands: [
            DemoCommand.self, ModelCommand.self, InferCommand.self, PlanCommand.self, TrainCommand.self,
            PartyCommand.self,
            DealerCommand.self, ServeCommand.self, ClusterCommand.self, ClientCommand.self, IdentityCommand.self,
            BenchCommand.self, BenchPartyCommand.self, DevicesCommand.self,
        ]
    )
}

@main
enum Main {
    static func main() async {
        ProcessSecrecy.begin(watched: isWatched)
        // A peer or child that is gone shows as an error of the call that writes to it.
        signal(SIGPIPE, SIG_IGN)
        // A daemon has its own way to end.
        if arguments.first != ServeCommand.configuration.commandName { Interruption.listen() }
        ProcessMemory.keepFreed()
        do {
            let environment = ProcessInfo.processInfo.environment
            let arguments = try SchedulerFlags.expand(Main.arguments, environment: environment)
            var command = try Crypten.parseAsRoot(ClusterFlags.expand(arguments, environment: environment))
            try checkEnvironment()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            if let signal = Interruption.received { Interruption.exit(signal) }
        } catch {
            if let signal = Interruption.received { Interruption.exit(signal) }
            exit(reporting: error)
        }
    }

    /// The command line; `plan --train` takes what `train` does.
    private static var arguments: [String] {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.first == "plan", arguments.contains("--train") else { return arguments }
        return ["train", "--plan"] + arguments.dropFirst().filter { $0 != "--train" }
    }

    /// A set of kernels that the environment names and the machine doesn't have is as wrong as an option would be.
    private static func checkEnvironment() throws {
        do {
            try NativeKernels.checkEnvironment()
        } catch {
            throw ValidationError(error.message)
        }
    }

    /// Whether `bench --soak` looks at this process: at how much memory it has, and how many open files.
    private static var isWatched: Bool {
        let arguments = CommandLine.arguments.dropFirst()
        return arguments.contains("--watched")
            || arguments.first == "bench-party" && arguments.contains { $0.hasPrefix("--soak") }
    }

    /// Prints one message, on the last line of stderr, and ends with an exit code from 1 to 127.
    private static func exit(reporting error: any Error) -> Never {
        if let error = error as? CrypTenError {
            Output.error(error.toolMessage)
            Foundation.exit(1)
        }
        let code = Crypten.exitCode(for: error).rawValue
        if code == 0 || error is ExitCode { Crypten.exit(withError: error) }
        if code == ExitCode.validationFailure.rawValue || error is ValidationError {
            let usage = Crypten.fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false)
                .drop { !$0.hasPrefix("Usage:") && !$0.hasPrefix("See") }
            Output.note(usage.joined(separator: "\n"))
            Output.error(Crypten.message(for: error))
            Foundation.exit(code)
        }
        Output.error("\(error)")
        Foundation.exit(1)
    }
}

extension CrypTenError {
    /// The message, and the cause where it adds something: not what a peer's error repeats, nor the system's errors at length.
    var toolMessage: String {
        switch cause {
        case nil, is CrypTenError: message
        case let cause as CocoaError: "\(message) (\(cause.localizedDescription))"
        case let cause?: "\(message) (\(cause))"
        }
    }
}
