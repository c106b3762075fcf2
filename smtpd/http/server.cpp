#include "smtpd/http/server.h"

#include <microhttpd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pennypost::smtp {
namespace {

// How long the library may be left alone if it names no time.
constexpr std::chrono::milliseconds longest_rest{1000};

}  // namespace

HttpAnswer method_refused() {
  return {405, "text/plain; charset=utf-8", "only GET is served here\n"};
}

/// One request, from its first line to the end of its answer.
struct HttpServer::Request {
  MHD_Connection* connection = nullptr;
  HttpQuestion question;
  bool has_body = false;      // a POST of which the header is known
  bool is_too_large = false;  // its body
  bool is_asked = false;      // suspended, or answered
  bool is_ready = false;
  HttpAnswer answer;
};

/// What the library calls.
struct HttpServer::Callbacks {
  static void* begin(void*, const char* uri, MHD_Connection* connection) {
    auto* request = new Request;  // NOLINT: freed by end()
    request->connection = connection;
    std::string_view whole = uri;
    auto mark = whole.find('?');
    if (mark != whole.npos) request->question.query = whole.substr(mark + 1);
    return request;
  }

  static MHD_Result handle(void* self, MHD_Connection* connection, const char* url,
                           const char* method, const char*, const char* upload, std::size_t* size,
                           void** own) {
    auto& request = *static_cast<Request*>(*own);
    if (*size != 0) {
      std::string& body = request.question.body;
      request.is_too_large = request.is_too_large || *size > http_body_bytes_max - body.size();
      if (request.has_body && !request.is_too_large) body.append(upload, *size);
      *size = 0;
      return MHD_YES;
    }
    bool is_post = std::strcmp(method, "POST") == 0;
    bool is_get = std::strcmp(method, "GET") == 0 || std::strcmp(method, "HEAD") == 0;
    if (is_post && !request.has_body) {
      request.has_body = true;
      return MHD_YES;
    }
    if (!is_get && !is_post) {
      request.answer = method_refused();
    } else if (request.is_too_large) {
      request.answer = {413, "text/plain; charset=utf-8", "the request is too large\n"};
    } else if (!request.is_asked) {
      request.is_asked = true;
      request.question.is_post = is_post;
      request.question.path = url;
      MHD_suspend_connection(connection);
      static_cast<HttpServer*>(self)->waiting_.push_back(&request);
      return MHD_YES;
    } else if (!request.is_ready) {
      return MHD_YES;
    }
    return reply(connection, request.answer);
  }

  static MHD_Result reply(MHD_Connection* connection, HttpAnswer& answer) {
    auto* response = MHD_create_response_from_buffer(answer.body.size(), answer.body.data(),
                                                     MHD_RESPMEM_MUST_COPY);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type.c_str());
    if (answer.status == 405) MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    auto queued = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return queued;
  }

  static void end(void* self, MHD_Connection*, void** own, MHD_RequestTerminationCode) {
    auto* request = static_cast<Request*>(*own);
    std::erase(static_cast<HttpServer*>(self)->waiting_, request);
    delete request;  // NOLINT
    *own = nullptr;
  }
};

HttpServer::HttpServer(Loop& loop, Answer answer) : loop_(loop), answer_(std::move(answer)) {}

HttpServer::~HttpServer() {
  if (daemon_ == nullptr) return;
  // The library stops only if nothing is suspended.
  for (auto* request : waiting_) MHD_resume_connection(request->connection);
  MHD_stop_daemon(daemon_);
}

Result<void> HttpServer::start(Descriptor listening) {
  listening_ = std::move(listening);
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &Callbacks::handle, this,
      MHD_OPTION_LISTEN_SOCKET, listening_.number(), MHD_OPTION_CONNECTION_LIMIT,
      http_connections_max, MHD_OPTION_CONNECTION_TIMEOUT, http_idle_seconds,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, http_header_bytes_max, MHD_OPTION_URI_LOG_CALLBACK,
      &Callbacks::begin, this, MHD_OPTION_NOTIFY_COMPLETED, &Callbacks::end, this, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return Error::temporary(std::string("libmicrohttpd does not start: ") + std::strerror(errno));
  }
  listening_.release();  // the library closes it
  return {};
}

Task<> HttpServer::run() {
  const auto* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  Poll ready(loop_, info->epoll_fd);
  for (;;) {
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    bool has_time = MHD_get_timeout(daemon_, &milliseconds) == MHD_YES;
    auto rest =
        has_time ? std::min(longest_rest, std::chrono::milliseconds(milliseconds)) : longest_rest;
    if (rest.count() > 0) {
      co_await ready.ready(Poll::Event::Readable, loop_.now() + rest);
    } else {
      co_await loop_.yield();
    }
    MHD_run(daemon_);
    auto answering = answer_waiting();
    co_await std::move(answering);
  }
}

Task<> HttpServer::answer_waiting() {
  while (!waiting_.empty()) {
    Request* request = waiting_.front();
    HttpQuestion question = std::move(request->question);
    auto making = answer_(std::move(question));
    HttpAnswer answer = co_await std::move(making);
    // The library does not run meanwhile, so the request is still there.
    waiting_.pop_front();
    request->answer = std::move(answer);
    request->is_ready = true;
    MHD_resume_connection(request->connection);
    MHD_run(daemon_);
  }
}

}  // namespace pennypost::smtp
