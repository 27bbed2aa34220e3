import ArgumentParser
import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenRing
import CrypTenRuntime

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices",
        abstract: "List what tensors can be computed on, check it, and measure it.",
        discussion: """
            Lists the devices that CUDA's and OpenCL's drivers name, with the words that --device takes, and why a device or a library can't be \
            used. One that both libraries know is there twice.

              crypten devices                             what there is
              crypten devices --check --bench             the first one that is no processor
              crypten devices --check --device opencl:0   another one
              crypten devices --bench --write card.json   with a profile of its speeds, for crypten plan --device-profile

            --check holds every kernel to the processor's, word by word, and then whole networks: what members send and what they are told is \
            equal to the byte, or the exit code is 1 and the difference is named. --bench measures what the device reaches, beside the design's \
            estimates for the card where there are any: those are computed, and nothing was measured for them. Both take minutes. OpenCL on a \
            processor is for tests, and has to be named.
            """
    )

    @Flag(name: .long, help: "Hold a device's results to the processor's.")
    var check = false

    @Flag(name: .long, help: "Measure a device.")
    var bench = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What --check and --bench work on; else the first usable device that is no processor.",
            valueName: "device"
        ),
        transform: { try DeviceChoice($0) }
    )
    var device: DeviceChoice?

    @Option(
        name: .long,
        help: ArgumentHelp("Write what --bench has measured to a file, as JSON for programs.", valueName: "file")
    )
    var write: String?

    @Flag(name: .long, help: "Compare and measure little, within seconds: to try the command out.")
    var short = false

    @Flag(name: .long, help: "Print one JSON object instead of tables.")
    var json = false

    func validate() throws {
        guard check || bench || device == nil else {
            throw ValidationError("--device says what --check and --bench work on: give one of them, or both")
        }
        guard check || bench || !short else { throw ValidationError("--short is for --check and --bench") }
        guard bench || write == nil else {
            throw ValidationError("--write needs --bench, which measures what it writes")
        }
        guard device != .processor else {
            throw ValidationError("--device cpu: the processor is what devices are held to; name another")
        }
    }

    func run() async throws {
        let list = DeviceList.all()
        guard check || bench else { return try show(list) }
        let choice = try choice(of: list)
        ProgressLine.show("opening \(choice)")
        guard let queue = try choice.open() else { preconditionFailure("a device that is the processor") }
        ProgressLine.clear()
        if !json { Output.result("\(choice): \(queue.deviceName)") }
        let examination = DeviceExamination(queue: queue, extent: short ? .short : .whole, isQuiet: json)
        let report = await examination.run(checks: check, measures: bench)
        if json { try Output.result(json: report) }
        if let write, let profile = report.profile { try profile.write(to: write) }
        if let failure = report.failure { throw CrypTenError(.deviceFailed, "\(choice): \(failure)") }
    }

    /// The device that was named, or the first.
    private func choice(of list: DeviceList) throws -> DeviceChoice {
        if let device, device != .automatic { return device }
        if let first = list.first { return first.choice }
        let processors = list.devices.filter { $0.isProcessor && $0.obstacle == nil }
        let remedy = processors.first.map { "name \($0.choice), a processor, to try the command out" }
        throw CrypTenError(
            .deviceUnavailable,
            "no device can be used but processors: \(remedy ?? "crypten devices says what is missing")"
        )
    }

    private func show(_ list: DeviceList) throws {
        if json { return try Output.result(json: DeviceListing(list)) }
        if !list.devices.isEmpty { Output.result(DeviceListing(list).table) }
        for reason in list.missing {
            // A library's name keeps its letters.
            Output.result((reason.hasPrefix("this ") ? "T" + reason.dropFirst() : reason) + ".")
        }
    }
}
