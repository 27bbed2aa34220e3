import CrypTenBase
import CrypTenDevice
import CrypTenRing
import Testing

@Suite("The choice of a device")
struct DeviceChoiceTests {
    @Test(
        "is read as it's written",
        arguments: [
            ("auto", .automatic), ("cpu", .processor), ("cuda", .cuda(nil)), ("cuda:0", .cuda(0)),
            ("cuda:12", .cuda(12)),
            ("opencl", .opencl(nil)), ("opencl:3", .opencl(3)),
        ] as [(String, DeviceChoice)]
    )
    func reads(text: String, choice: DeviceChoice) throws {
        #expect(try DeviceChoice(text) == choice)
        #expect("\(choice)" == text)
    }

    @Test(
        "is refused where it's anything else",
        arguments: [
            "", ":", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:1 ", "cuda:1:2", "cuda:a",
            "cuda:12345", "cpu:0",
            "auto:0", ":1", "opencl:0x1", "cuda:１",
        ]
    )
    func refuses(text: String) {
        #expect(
            performing: { try DeviceChoice(text) },
            throws: { error in
                guard let error = error as? CrypTenError, error.code == .invalidArgument else { return false }
                return error.message.contains("\"\(text)\"") && error.message.contains("cuda:1")
            }
        )
    }

    @Test("of the processor opens nothing")
    func processor() throws {
        #expect(try DeviceChoice.processor.open() == nil)
    }

    @Test("that is automatic takes a device of CUDA's, and never one of OpenCL's")
    func automatic() throws {
        let queue = try DeviceChoice.automatic.open()
        if let device = usableWithCUDA.first {
            #expect(queue?.name == "cuda")
            #expect(queue?.deviceName == device.name)
        } else {
            #expect(queue == nil)
        }
    }

    @Test("lists what there is, and why there isn't what there isn't")
    func list() throws {
        let list = DeviceList.all()
        let (withCUDA, withOpenCL) = ((try? CUDADevice.all()) ?? [], (try? OpenCLDevice.all()) ?? [])
        let choices = withCUDA.indices.map { DeviceChoice.cuda($0) } + withOpenCL.indices.map { .opencl($0) }
        #expect(list.devices.map(\.choice) == choices)
        #expect(list.devices.map(\.name) == withCUDA.map(\.name) + withOpenCL.map(\.name))
        #expect(list.missing.count == (withCUDA.isEmpty ? 1 : 0) + (withOpenCL.isEmpty ? 1 : 0))
        for device in list.devices {
            #expect(device.memoryBytes > 0)
            #expect((device.capability == nil) == "\(device.choice)".hasPrefix("opencl"))
        }
        for reason in list.missing { #expect(!reason.isEmpty) }
    }

    @Test(
        "that isn't there is refused with what was asked for, what there is and what to do",
        arguments: ["cuda", "opencl"]
    )
    func missing(library: String) throws {
        let listed = DeviceList.all().devices.filter { "\($0.choice)".hasPrefix(library) }
        let asked = try DeviceChoice(listed.isEmpty ? library : "\(library):999")
        #expect(
            performing: { try asked.open() },
            throws: { error in
                guard let error = error as? CrypTenError, error.code == .deviceUnavailable else { return false }
                return error.message.hasPrefix("\(asked) was asked for, and ")
                    && listed.allSatisfy { error.message.contains("\($0.choice) (") && error.message.contains($0.name) }
                    && (error.message.contains("choose") || error.message.contains("install"))
            }
        )
    }

    @Test("of a device that can't be used says why")
    func obstacle() throws {
        for device in DeviceList.all().devices {
            guard let obstacle = device.obstacle else { continue }
            #expect(
                performing: { try device.choice.open() },
                throws: { error in
                    guard let error = error as? CrypTenError, error.code == .deviceUnavailable else { return false }
                    return error.message.contains("\(device.choice) was asked for") && error.message.contains(obstacle)
                }
            )
        }
    }

    @Test("opens each device's queue once, for all that use it")
    func shared() async throws {
        for device in DeviceList.all().devices where device.obstacle == nil {
            // Other tests break, and fill, the last of a test driver's.
            if device.choice != .cuda(0), "\(device.choice)".hasPrefix("cuda"), TestDriver.shared != nil { continue }
            let queues = try await withThrowingTaskGroup(of: (any DeviceQueue)?.self) { group in
                for _ in 0..<4 { group.addTask { try device.choice.open() } }
                return try await group.reduce(into: [any DeviceQueue]()) { queues, queue in
                    if let queue { queues.append(queue) }
                }
            }
            #expect(queues.count == 4)
            #expect(queues.allSatisfy { $0 === queues[0] })
            #expect(queues[0].deviceName == device.name)
        }
    }

    @Test(
        "of OpenCL without a number is a device that can be used",
        .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine")
    )
    func openCL() throws {
        let queue = try #require(try DeviceChoice.opencl(nil).open())
        #expect(queue.name == "opencl")
        #expect(usable.contains { $0.name == queue.deviceName })
    }
}
