#include "common/https/fetch.h"

#include <curl/curl.h>

#include <array>
#include <memory>
#include <mutex>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t addresses_max = 4;

struct Body {
  std::string text;
  std::size_t bytes_max = 0;
  bool is_too_large = false;
};

/// Called by libcurl with each piece; taking less than all of it ends the transfer.
std::size_t take(char* bytes, std::size_t, std::size_t count, void* into) {
  auto& body = *static_cast<Body*>(into);
  if (body.text.size() + count > body.bytes_max) {
    body.is_too_large = true;
    return 0;
  }
  body.text.append(bytes, count);
  return count;
}

/// `HOST:PORT:ADDRESS,ADDRESS` for CURLOPT_RESOLVE.
std::string addresses_text(const HttpsFetch& what) {
  std::string text = what.host + ":" + std::to_string(what.port) + ":";
  std::size_t count = std::min(what.addresses.size(), addresses_max);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& address = what.addresses[i];
    if (i > 0) text += ',';
    text += address.is_v6() ? "[" + address.text() + "]" : address.text();
  }
  return text;
}

void set_up(CURL* curl, const HttpsFetch& what) {
  std::string url = "https://" + what.host + ":" + std::to_string(what.port) + what.path;
  if (what.port == 443) url = "https://" + what.host + what.path;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!what.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, what.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(what.limit.count()));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(what.limit.count()));
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(what.bytes_max));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "pennypost");
}

std::string media_type_of(CURL* curl) {
  const char* type = nullptr;
  curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  std::string_view text = type == nullptr ? "" : type;
  return lower(trim(text.substr(0, text.find(';'))));
}

}  // namespace

Result<HttpsReply> fetch_by_https(const HttpsFetch& what) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (curl == nullptr) return Error::temporary("libcurl can't be set up");
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> addresses(
      curl_slist_append(nullptr, addresses_text(what).c_str()), curl_slist_free_all);
  Body body;
  body.bytes_max = what.bytes_max;
  std::array<char, CURL_ERROR_SIZE> problem{};
  set_up(curl.get(), what);
  curl_easy_setopt(curl.get(), CURLOPT_RESOLVE, addresses.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, problem.data());
  CURLcode code = curl_easy_perform(curl.get());
  if (body.is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
    return Error::temporary("more than " + std::to_string(what.bytes_max) + " bytes");
  }
  if (code != CURLE_OK) {
    std::string_view text = problem.data();
    return Error::temporary(printable(text.empty() ? curl_easy_strerror(code) : text, 200));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  HttpsReply reply;
  reply.status = static_cast<int>(status);
  reply.media_type = media_type_of(curl.get());
  reply.body = std::move(body.text);
  return reply;
}

}  // namespace pennypost
