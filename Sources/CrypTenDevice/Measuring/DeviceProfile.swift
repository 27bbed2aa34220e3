import CrypTenBase

/// What a device does in a second, as it was measured: what `crypten plan --device` predicts from.
///
/// Times are in seconds, rates a second's. A kernel that wasn't measured isn't in it.
package struct DeviceProfile: Codable, Hashable, Sendable {
    /// What a kernel reaches.
    package struct Kernel: Codable, Hashable, Sendable {
        /// How often it does, in a second, what it does: see `KernelName.unit`. Of a call that fills the device.
        package var perSecond: Double
        /// How long one work-item takes for one of them, where a call's may be many, one after the other; nil where they are few.
        package var secondsEach: Double?

        package init(perSecond: Double, secondsEach: Double? = nil) {
            (self.perSecond, self.secondsEach) = (perSecond, secondsEach)
        }
    }

    /// What files of this form say that they are.
    package static let currentFormat = "crypten-device-profile-2"

    package var format = currentFormat
    /// What the driver calls the device.
    package var device: String
    /// "cuda" or "opencl".
    package var library: String
    package var memoryBytes: Int
    /// A launch of a kernel that does nothing, one behind the other, until it's done.
    package var launchSeconds = 0.0
    /// What the host spends on queueing it.
    package var submitSeconds = 0.0
    /// 32 KiB up, a sum, and 32 KiB down, waited for: for people.
    package var roundSeconds: Double?
    /// Read and written by a copy on the device.
    package var bytesPerSecond = 0.0
    /// A copy to the device: what each takes, and bytes beside that.
    package var uploadSeconds = 0.0
    package var uploadedBytesPerSecond = 0.0
    /// A copy to pinned memory, waited for.
    package var downloadSeconds = 0.0
    package var downloadedBytesPerSecond = 0.0
    /// Sines and powers of two, beside the step of which they are part.
    package var sinesPerSecond = 0.0
    /// By name.
    package var kernels: [String: Kernel] = [:]

    package init(device: String, library: String, memoryBytes: Int) {
        (self.device, self.library, self.memoryBytes) = (device, library, memoryBytes)
    }

    /// What the figures must be, whoever has written them.
    ///
    /// - Throws: `.invalidArgument` for another format, another library, or a figure that isn't positive.
    package func check() throws {
        func refuse(_ reason: String) -> CrypTenError {
            CrypTenError(.invalidArgument, "\(reason): measure the device again")
        }
        guard format == Self.currentFormat else {
            throw refuse("it's a profile of the form \(format), where this version reads \(Self.currentFormat)")
        }
        guard library == "cuda" || library == "opencl" else {
            throw refuse("its library is \"\(library)\", and neither cuda nor opencl")
        }
        guard memoryBytes > 0 else { throw refuse("memory_bytes is \(memoryBytes), and not positive") }
        var figures = [
            ("launch_seconds", launchSeconds), ("submit_seconds", submitSeconds), ("bytes_per_second", bytesPerSecond),
            ("upload_seconds", uploadSeconds), ("uploaded_bytes_per_second", uploadedBytesPerSecond),
            ("download_seconds", downloadSeconds), ("downloaded_bytes_per_second", downloadedBytesPerSecond),
            ("sines_per_second", sinesPerSecond),
        ]
        if let roundSeconds { figures.append(("round_seconds", roundSeconds)) }
        for (name, kernel) in kernels.sorted(by: { $0.key < $1.key }) {
            guard KernelName(rawValue: name) != nil else {
                throw refuse("it has a kernel \(name) that this version doesn't")
            }
            figures.append(("kernels.\(name).per_second", kernel.perSecond))
            if let each = kernel.secondsEach { figures.append(("kernels.\(name).seconds_each", each)) }
        }
        for (name, figure) in figures where !(figure > 0 && figure.isFinite) {
            throw refuse("\(name) is \(figure), and not positive")
        }
    }

    /// How long the device takes for a call of a kernel: as long as the slowest of what bounds it, a launch, its memory, and what it does.
    ///
    /// - Throws: `.invalidArgument` where the kernel wasn't measured.
    package func seconds(of name: KernelName, _ work: KernelWork) throws -> Double {
        guard let kernel = kernels[name.rawValue] else {
            throw CrypTenError(
                .invalidArgument,
                "the profile of \(device) says nothing of the kernel \(name.rawValue), which the run needs: measure the device again"
            )
        }
        return max(
            launchSeconds,
            Double(work.bytes) / bytesPerSecond,
            Double(work.amount) / kernel.perSecond + Double(work.sines) / sinesPerSecond,
            Double(work.depth) * (kernel.secondsEach ?? 0)
        )
    }
}
