#include "common/https/fetch.h"

// The macros that check the types of options call the library by name.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <array>
#include <memory>
#include <mutex>

#include "common/base/shared_library.h"
#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t addresses_max = 4;

// libcurl brings two dozen libraries along, among them libldap.
struct Curl {
  explicit Curl(SharedLibrary& from) {
    from.find("curl_global_init", global_init);
    from.find("curl_easy_init", init);
    from.find("curl_easy_cleanup", cleanup);
    from.find("curl_easy_setopt", set);
    from.find("curl_easy_getinfo", get);
    from.find("curl_easy_perform", perform);
    from.find("curl_easy_strerror", text_of);
    from.find("curl_slist_append", append);
    from.find("curl_slist_free_all", free_all);
  }
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) init = nullptr;
  decltype(&::curl_easy_cleanup) cleanup = nullptr;
  decltype(&::curl_easy_setopt) set = nullptr;
  decltype(&::curl_easy_getinfo) get = nullptr;
  decltype(&::curl_easy_perform) perform = nullptr;
  decltype(&::curl_easy_strerror) text_of = nullptr;
  decltype(&::curl_slist_append) append = nullptr;
  decltype(&::curl_slist_free_all) free_all = nullptr;
};

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

void set_up(const Curl& library, CURL* curl, const HttpsFetch& what) {
  std::string url = "https://" + what.host + ":" + std::to_string(what.port) + what.path;
  if (what.port == 443) url = "https://" + what.host + what.path;
  library.set(curl, CURLOPT_URL, url.c_str());
  library.set(curl, CURLOPT_PROTOCOLS_STR, "https");
  library.set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  library.set(curl, CURLOPT_PROXY, "");
  library.set(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  library.set(curl, CURLOPT_NOSIGNAL, 1L);
  library.set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  library.set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  library.set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!what.ca_file.empty()) {
    library.set(curl, CURLOPT_CAINFO, what.ca_file.c_str());
    library.set(curl, CURLOPT_CAPATH, nullptr);
  }
  library.set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(what.limit.count()));
  library.set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(what.limit.count()));
  library.set(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(what.bytes_max));
  library.set(curl, CURLOPT_USERAGENT, "pennypost");
}

/// The headers of a POST. An empty Expect keeps the library from asking whether a long body may
/// come.
curl_slist* post_headers(const Curl& library, const HttpsFetch& what) {
  if (what.posted_type.empty()) return nullptr;
  auto* list = library.append(nullptr, ("Content-Type: " + what.posted_type).c_str());
  return list == nullptr ? nullptr : library.append(list, "Expect:");
}

/// `headers` and what is posted must outlive the transfer.
void set_up_post(const Curl& library, CURL* curl, const HttpsFetch& what, curl_slist* headers) {
  library.set(curl, CURLOPT_POST, 1L);
  library.set(curl, CURLOPT_HTTPHEADER, headers);
  library.set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(what.posted.size()));
  library.set(curl, CURLOPT_POSTFIELDS, what.posted.data());
}

std::string media_type_of(const Curl& library, CURL* curl) {
  const char* type = nullptr;
  library.get(curl, CURLINFO_CONTENT_TYPE, &type);
  std::string_view text = type == nullptr ? "" : type;
  return lower(trim(text.substr(0, text.find(';'))));
}

}  // namespace

Result<HttpsReply> fetch_by_https(const HttpsFetch& what) {
  TRY(const Curl* loaded_library, loaded<Curl>({"libcurl.so.4"}, "libcurl4"));
  const Curl& library = *loaded_library;
  static std::once_flag once;
  std::call_once(once, [&] { library.global_init(CURL_GLOBAL_DEFAULT); });
  std::unique_ptr<CURL, void (*)(CURL*)> curl(library.init(), library.cleanup);
  if (curl == nullptr) return Error::temporary("libcurl can't be set up");
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> addresses(
      library.append(nullptr, addresses_text(what).c_str()), library.free_all);
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(post_headers(library, what),
                                                             library.free_all);
  Body body;
  body.bytes_max = what.bytes_max;
  std::array<char, CURL_ERROR_SIZE> problem{};
  set_up(library, curl.get(), what);
  if (!what.posted_type.empty()) set_up_post(library, curl.get(), what, headers.get());
  library.set(curl.get(), CURLOPT_RESOLVE, addresses.get());
  library.set(curl.get(), CURLOPT_WRITEFUNCTION, take);
  library.set(curl.get(), CURLOPT_WRITEDATA, &body);
  library.set(curl.get(), CURLOPT_ERRORBUFFER, problem.data());
  CURLcode code = library.perform(curl.get());
  if (body.is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
    return Error::temporary("more than " + std::to_string(what.bytes_max) + " bytes");
  }
  if (code != CURLE_OK) {
    std::string_view text = problem.data();
    return Error::temporary(printable(text.empty() ? library.text_of(code) : text, 200));
  }
  long status = 0;
  library.get(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  HttpsReply reply;
  reply.status = static_cast<int>(status);
  reply.media_type = media_type_of(library, curl.get());
  reply.body = std::move(body.text);
  return reply;
}

}  // namespace pennypost
