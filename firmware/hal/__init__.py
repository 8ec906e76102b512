"""What a board gives its node, on an ESP32: the only folder that imports machine, network and esp32."""
