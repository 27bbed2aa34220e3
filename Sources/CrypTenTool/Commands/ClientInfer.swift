import ArgumentParser
import CrypTen
import CrypTenClient
import Foundation

extension ClientCommand {
    /// Asks a cell.
    struct Infer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a cell: inputs are split into shares here, and no party sees them or the answer.",
            discussion: """
                  crypten client infer --cell cell.json --identity ward-app.identity.pem \\
                    --model digits --input x=x.npy --output-dir out
                """
        )

        @OptionGroup var asking: ClientAsking

        @Option(name: .long, help: ArgumentHelp("Write each output there, NAME.npy.", valueName: "folder"))
        var outputDir: String?

        func run() async throws {
            let inputs = try asking.tensors()
            let client = try asking.client()
            let start = ContinuousClock.now
            let result: Result<[String: ClientTensor], any Error>
            do {
                result = .success(try await client.infer(asking.model, inputs))
            } catch {
                result = .failure(error)
            }
            await client.close()
            let outputs = try result.get().sorted { $0.key < $1.key }
            let seconds = ContinuousClock.now - start
            let files = OutputFiles(directory: outputDir)
            try files.prepare()
            let written = try files.write(outputs.map { ($0.key, $0.value.tensor) })
            Output.result(
                TextTable.list(
                    written.map { ("output \($0.name)", "\($0.shape) in \($0.file ?? "no file")") }
                        + [("seconds", seconds.asSeconds.fixed(3))]
                )
            )
        }
    }
}

extension Duration {
    var asSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
