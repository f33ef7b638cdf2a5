// The npm package ws with the messages of the benchmark: echo, and a drawing for everybody (not stored). Compression off, as ws has it.
// With a file: its text for everyone who comes.
import { readFileSync } from 'node:fs';
import { WebSocketServer, WebSocket } from 'ws';

const greeting = process.argv[2] && readFileSync(process.argv[2]);

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/websocket', backlog: 4096, clientTracking: true });

const isDrawing = (m) => ['startX', 'startY', 'endX', 'endY'].every((k) => Number.isFinite(m[k])) && typeof m.color === 'string';

const onMessage = (socket, data, isBinary) => {
    if (isBinary) return socket.close(1003);
    let message;
    try {
        message = JSON.parse(data.toString());
    } catch {
        message = null;
    }
    if (message?.messageType === 'echo_client' && typeof message.text === 'string') {
        socket.send(JSON.stringify({ messageType: 'echo_server', text: message.text }));
    } else if (message?.messageType === 'drawing' && isDrawing(message)) {
        for (const client of server.clients)
            if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
    } else {
        socket.send(JSON.stringify({ messageType: 'error', error: 'this is no message' }));
    }
};

server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => onMessage(socket, data, isBinary));
    socket.on('error', () => {});
    if (greeting) socket.send(greeting, { binary: false });
});
server.on('listening', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
