import CrypTenRing

/// What products do.
extension KernelWork {
    init(_ p: ProductArguments, _ groups: DeviceGroups) {
        let (rows, columns, inner) = (Int(p.rows), Int(p.columns), Int(p.inner))
        let batches = groups.z
        let left = rows * inner * (p.aBatch == 0 ? 1 : batches)
        let right = inner * columns * (p.bBatch == 0 ? 1 : batches)
        let tile = 64
        let padded = (inner + 15) / 16 * 16
        self.init(
            bytes: 8 * (left + right + 2 * rows * columns * batches),
            amount: groups.x * tile * groups.y * tile * batches * padded,
            depth: padded,
            multiplications: rows * columns * inner * batches
        )
    }

    init(_ p: PlaneProductArguments) {
        let (count, outputs) = (Int(p.count), Int(p.outputs))
        let taps = Int(p.kernelHeight) * Int(p.kernelWidth)
        let images = count / max(1, outputs * Int(p.outHeight) * Int(p.outWidth))
        let image = images * (outputs / max(1, Int(p.groupOutputs))) * Int(p.height) * Int(p.width)
        self.init(
            bytes: 8 * (image + outputs * taps + 2 * count),
            amount: count * taps,
            multiplications: count * taps
        )
    }

    init(_ p: ResiduesArguments, _ groups: DeviceGroups) {
        let (rows, padded, block) = (Int(p.rows), Int(p.padded), 32)
        self.init(
            bytes: 8 * rows * Int(p.inner) + Residues.count * rows * padded,
            amount: groups.x * block * groups.y * block
        )
    }

    init(_ p: ResidueProductArguments, _ groups: DeviceGroups) {
        let (batches, rows, columns, step) = (Int(p.batches), Int(p.rows), Int(p.columns), 64)
        let pixel = 16 * Int(p.tapChunks)
        let inner = pixel * Int(p.kernelHeight) * Int(p.kernelWidth)
        let steps = (inner + step - 1) / step
        let images = (columns + Int(p.outPlane) - 1) / max(1, Int(p.outPlane))
        let left = rows * inner * (p.aBatch == 0 ? 1 : batches)
        let right = images * Int(p.height) * Int(p.width) * pixel * (p.bBatch == 0 ? 1 : batches)
        let tiles = groups.x * groups.y * batches
        self.init(
            bytes: Residues.count * (left + right + batches * rows * Int(p.padded)),
            amount: tiles * Residues.tile * Residues.tile * steps * step,
            depth: steps,
            multiplications: batches * rows * columns * inner
        )
    }

    init(_ p: ReconstructArguments) {
        let rows = Int(p.batches) * Int(p.rows)
        let amount = rows * Int(p.padded)
        self.init(bytes: Residues.count * amount + 16 * rows * Int(p.columns), amount: amount)
    }
}
