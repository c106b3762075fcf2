// Owns an object of a C library, and releases it by a function of that library.
//
//   using Certificate = Owned<X509, X509_free>;
//   Certificate certificate(X509_new());
#pragma once

#include <memory>

namespace pennypost {

template <auto Function>
struct Release {
  template <class Object>
  void operator()(Object* object) const {
    Function(object);
  }
};
template <class Object, auto Function>
using Owned = std::unique_ptr<Object, Release<Function>>;

}  // namespace pennypost
