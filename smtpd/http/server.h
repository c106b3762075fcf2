// Answers GET and POST requests over HTTP/1.1 on one socket, on the loop of its process.
//
// The library waits for nothing by itself: the loop tells it when one of its descriptors is ready.
// Answers are made one after the other.
//
// LIMITS     http_connections_max connections, http_idle_seconds without a byte; a request's header
//            has http_header_bytes_max, its body http_body_bytes_max
// STANDARDS  RFC 9110 and 9112, as libmicrohttpd has them
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "common/async/loop.h"
#include "common/async/task.h"
#include "common/base/descriptor.h"
#include "common/base/result.h"

struct MHD_Daemon;

namespace pennypost::smtp {

inline constexpr unsigned http_connections_max = 32;
inline constexpr unsigned http_idle_seconds = 10;
inline constexpr std::size_t http_header_bytes_max = 16 * 1024;
inline constexpr std::size_t http_body_bytes_max = 16 * 1024;

struct HttpQuestion {
  bool is_post = false;
  std::string path;
  std::string query;  // what follows the `?`, as it came
  std::string body;   // of a POST
};

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// The answer to a method that a path does not take: GET is what there is.
HttpAnswer method_refused();

class HttpServer {
 public:
  using Answer = std::function<Task<HttpAnswer>(HttpQuestion question)>;

  HttpServer(Loop& loop, Answer answer);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Begins to accept on a listening socket. Error: the library can't.
  Result<void> start(Descriptor listening);
  /// Serves until the task is cancelled.
  Task<> run();

 private:
  struct Request;
  struct Callbacks;
  Task<> answer_waiting();

  Loop& loop_;
  Answer answer_;
  Descriptor listening_;
  MHD_Daemon* daemon_ = nullptr;
  std::deque<Request*> waiting_;  // for their answers; suspended in the library
};

}  // namespace pennypost::smtp
