import ArgumentParser
import CrypTen
import CrypTenBase
import CrypTenDevice
import CrypTenRuntime

/// Of which device's speeds a time is predicted.
struct DeviceProfileOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The speeds of a device, as `crypten bench kernels --device … --write` has measured them, here or elsewhere.",
            valueName: "file"
        )
    )
    var deviceProfile: String?

    /// The speeds that a prediction is made of: those in the file, or those of the device, which are measured now.
    ///
    /// - Parameter device: What `--device` says.
    /// - Returns: Nil where computing is the processor's.
    /// - Throws: what is wrong with the file; where there is neither a file nor the device, what to do.
    func profile(of device: DeviceChoice) throws -> DeviceProfile? {
        if let deviceProfile { return try Self.profile(in: deviceProfile, of: device) }
        return try Self.measured(device)
    }

    /// The speeds of a device, measured now; nil where it's the processor.
    ///
    /// - Throws: where there is no such device, what to do.
    static func measured(_ device: DeviceChoice) throws -> DeviceProfile? {
        let queue: any DeviceQueue
        do {
            guard let opened = try device.open() else { return nil }
            queue = opened
        } catch let error as CrypTenError {
            let library = "\(device)".prefix { $0 != ":" }
            throw CrypTenError(
                error.code,
                "\(error.message); or give --device-profile a file that `crypten bench kernels --device \(library) --write FILE` has made on a "
                    + "machine that has such a device"
            )
        }
        ProgressLine.show("measuring \(device)")
        defer { ProgressLine.clear() }
        return try DeviceBenchmark(predictingWith: queue) { ProgressLine.show("measuring \(device): \($0)") }.profile()
    }

    private static func profile(in file: String, of device: DeviceChoice) throws -> DeviceProfile {
        let profile = try DeviceProfile(contentsOf: file)
        let library: String? =
            switch device {
            case .cuda: "cuda"
            case .opencl: "opencl"
            case .automatic, .processor: nil
            }
        if let library, library != profile.library {
            throw CrypTenError(
                .invalidArgument,
                "--device \(device) is another than what \(file) was measured on, \(profile.device) with \(profile.library): leave out either"
            )
        }
        return profile
    }
}
