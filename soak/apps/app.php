<?php
// The app that the soak runs on PHP's own server. Every POST and PUT is on record
// before it is answered.

function pattern(string $id, int $size): string
{
    $word = "$id ";
    return substr(str_repeat($word, intdiv($size, strlen($word)) + 1), 0, $size);
}

[, $kind, $id] = explode('/', parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)) + ['', '', ''];
$status = 200;
$content = 'ok';
if ($kind === 'item') {
    usleep((int) $_GET['ms'] * 1000);
    $content = pattern($id, (int) $_GET['size']);
    if (isset($_GET['status'])) {
        $status = (int) $_GET['status'];
        $content = '';
    }
} elseif ($kind === 'order') {
    $received = file_get_contents('php://input');
    if ($received !== '' && $received === pattern($id, strlen($received))) {
        $file = sprintf('%s/%s-%d', getenv('SOAK_LEDGER'), getenv('PORT'), getmypid());
        file_put_contents($file, sprintf("%s %d\n", $id, getmypid()), FILE_APPEND);
        $content = "ordered $id";
    } else {
        $status = 400;
        $content = 'not my body';
    }
}
http_response_code($status);
header("X-Soak-Id: $id");
if ($status === 200) {
    header('Content-Length: ' . strlen($content));
}
echo $content;
