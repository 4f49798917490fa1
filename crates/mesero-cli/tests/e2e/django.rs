//! An unmodified Django project; and Flask and Django under the validator of the standard library.

use http::{Method, StatusCode};
use tokio::time::timeout;

use crate::client;
use crate::harness::{HANG_TIMEOUT, Mesero, example, venv};

/// A project in one file: views, a form, an upload, a file and a stream.
const KITCHEN: &str = r#"
import os, tempfile
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from wsgiref.validate import validator

settings.configure(
    ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="only for a test", DEBUG=False, FILE_UPLOAD_MAX_MEMORY_SIZE=1000,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)

def dish(request, number):
    answer = JsonResponse({"number": number, "query": request.GET.get("q"), "path": request.get_full_path()})
    answer.set_cookie("table", "4")
    answer.set_cookie("waiter", "b")
    return answer

def order(request):
    return HttpResponse(",".join(f"{key}={value}" for key, value in sorted(request.POST.items())), status=201)

def upload(request):
    photo = request.FILES["photo"]
    return HttpResponse(f"{photo.name} {photo.size} {type(photo).__name__} {sum(map(len, photo.chunks()))}")

def menu(request):
    return StreamingHttpResponse(f"dish {n};" for n in range(1000))

def card(request):
    file = tempfile.TemporaryFile()
    file.write(b"0123456789" * 100_000)
    file.seek(0)
    return FileResponse(file, filename="card.txt", as_attachment=True)

def burnt(request):
    raise ValueError("burnt")

urlpatterns = [
    path("dishes/<int:number>", dish), path("order", order), path("upload", upload), path("menu", menu), path("card", card),
    path("burnt", burnt),
]
application = get_wsgi_application()
validated = validator(application)
"#;

async fn serve(application: &str, files: &[(&str, &str)]) -> Option<Mesero> {
    let venv = venv()?;
    let config = format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        control = "127.0.0.1:0"
        [resource.kitchen]
        wsgi = "{application}"
        workers = 2
        threads = 2
        venv = "{}"
        [[route]]
        path = "/{{*rest}}"
        resource = "kitchen"
        "#,
        venv.display()
    );
    Some(Mesero::serve(&config, files).await)
}

async fn post(mesero: &Mesero, path: &str, media_type: &str, body: &str) -> client::Response {
    let ask = client::post(mesero.front, path, media_type, body);
    timeout(HANG_TIMEOUT, ask).await.expect("an answer")
}

#[tokio::test]
async fn an_unmodified_django_project_is_served_and_the_validator_has_nothing_to_say() {
    for application in ["kitchen:application", "kitchen:validated"] {
        let Some(mesero) = serve(application, &[("kitchen.py", KITCHEN)]).await else { return };
        let dish = mesero.get("/dishes/7?q=caf%C3%A9").await;
        assert_eq!(dish.json()["path"], "/dishes/7?q=caf%C3%A9");
        assert_eq!(dish.json()["query"], "café");
        assert_eq!(dish.headers.get_all("set-cookie").iter().count(), 2);
        assert_eq!(mesero.get("/dishes/none").await.status, StatusCode::NOT_FOUND);
        let form = "application/x-www-form-urlencoded";
        let order = post(&mesero, "/order", form, "dish=soup&table=4").await;
        assert_eq!((order.status.as_u16(), order.body.as_str()), (201, "dish=soup,table=4"));
        let photo = "x".repeat(200_000);
        let parts = format!(
            "--b\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.jpg\"\r\n\r\n{photo}\r\n--b--\r\n"
        );
        let upload = post(&mesero, "/upload", "multipart/form-data; boundary=b", &parts).await;
        assert_eq!(upload.body, "p.jpg 200000 TemporaryUploadedFile 200000");
        let menu: String = (0..1000).map(|n| format!("dish {n};")).collect();
        assert_eq!(mesero.get("/menu").await.body, menu);
        let card = mesero.get("/card").await;
        assert_eq!(card.body, "0123456789".repeat(100_000));
        assert_eq!(card.header("content-length"), "1000000");
        assert_eq!(card.header("content-disposition"), "attachment; filename=\"card.txt\"");
        let head = client::request(mesero.front, Method::HEAD, "/card", "").await;
        assert_eq!((head.body.as_str(), head.header("content-length")), ("", "1000000"));
        assert_eq!(mesero.get("/burnt").await.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(mesero.get("/dishes/8").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_validator_has_nothing_to_say_about_how_flask_is_served() {
    let shop = std::fs::read_to_string(example("flask/shop.py")).unwrap();
    let validated = "from wsgiref.validate import validator\nfrom shop import app\napp = validator(app.wsgi_app)\n";
    let files = [("shop.py", shop.as_str()), ("validated.py", validated)];
    let Some(mesero) = serve("validated:app", &files).await else { return };
    assert_eq!(mesero.get("/orders/7").await.json()["number"], 7);
    assert_eq!(mesero.get("/menu").await.body, "soup\nrice\nflan\n");
    // Flask reads a body without naming a size, which the validator minds of any server; so no POST.
    let head = client::request(mesero.front, Method::HEAD, "/menu", "").await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
}
