/// What went wrong with a device: a code to switch on, and a sentence to read that says what to do.
package struct DeviceError: Error, Sendable, CustomStringConvertible {
    /// What kind of thing went wrong.
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind {
            case libraryMissing, noDevice, buildFailed, notEnoughDeviceMemory, deviceFailed
        }

        private let kind: Kind

        /// This machine has no library for such devices, or one that is too old.
        package static let libraryMissing = Code(kind: .libraryMissing)
        /// The library knows no such device, or none that can do what is needed.
        package static let noDevice = Code(kind: .noDevice)
        /// The driver's compiler doesn't take the kernels.
        package static let buildFailed = Code(kind: .buildFailed)
        /// The device has no room for a block.
        package static let notEnoughDeviceMemory = Code(kind: .notEnoughDeviceMemory)
        /// A copy or a kernel failed; all that is asked of the queue from then on fails with this error.
        package static let deviceFailed = Code(kind: .deviceFailed)

        package var description: String {
            "\(kind)"
        }
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String {
        message
    }
}
