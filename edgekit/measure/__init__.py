"""What is measured on a device: time, memory and the machine; standard library only, shipped to boards."""
