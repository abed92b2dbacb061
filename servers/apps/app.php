<?php
if ($_SERVER['REQUEST_URI'] === '/wait') {
    sleep(2);
}
echo $_SERVER['REQUEST_METHOD'] === 'POST' ? strlen(file_get_contents('php://input')) . "\n" : "hello\n";
