import CrypTenDevice

/// What there is to compute on, as JSON, and as a table.
struct DeviceListing: Encodable {
    struct Device: Encodable {
        /// What --device takes.
        var device: String
        var name: String
        var memoryBytes: Int
        var capability: String?
        var isProcessor: Bool
        /// Null where it can be used.
        var obstacle: String?
    }

    var devices: [Device]
    /// A sentence for each library that has none.
    var missing: [String]

    init(_ list: DeviceList) {
        devices = list.devices.map { device in
            Device(
                device: "\(device.choice)",
                name: device.name,
                memoryBytes: device.memoryBytes,
                capability: device.capability,
                isProcessor: device.isProcessor,
                obstacle: device.obstacle
            )
        }
        missing = list.missing
    }

    var table: String {
        var table = TextTable(["device", "name", "memory", "capability", "state"])
        for device in devices {
            let state = device.obstacle ?? (device.isProcessor ? "usable, for tests: a processor" : "usable")
            table.add([
                device.device, device.name, device.memoryBytes.bytes, device.capability ?? "", state,
            ])
        }
        return table.text
    }
}
