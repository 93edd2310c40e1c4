// A phone shows its newest text: scroll the thread down when it opens and whenever something new arrives.
const down = () => { const thread = document.getElementById("thread"); if (thread) thread.scrollTop = thread.scrollHeight; };
document.addEventListener("htmx:afterSettle", down);
down();
